// What a model's folder says about its tasks: names of labels, special tokens, how texts are cut.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "accel/engine.h"
#include "models/late_interaction.h"
#include "pipelines/task.h"
#include "pipelines/text/embedding.h"

namespace accel::engine {

struct TaskFolder {
  std::filesystem::path path;  // of config.json, tokenizer_config.json ...; each may be missing
  std::string tokenizer_json;  // the content; empty: the model takes no text
  int64_t max_tokens = 0;
  int64_t vocabulary = 0;
  std::vector<std::string> inputs;  // that the graph can take
  // Of a model that compares texts with images: its weights "logit_scale" and "logit_bias".
  std::optional<float> logit_scale = std::nullopt;
  float logit_bias = 0;
  bool speech = false;  // it spells what it hears
  // Of a model of texts, without its tokenizer; and how one with late interaction reads texts.
  std::optional<pipelines::EmbeddingModel> sentences = std::nullopt;
  std::optional<models::LateInteractionRules> late = std::nullopt;
};

// INVALID_ARGUMENT names the file at fault.
Result<std::shared_ptr<const pipelines::TaskModel>> read_task_model(const TaskFolder& folder);

}  // namespace accel::engine
