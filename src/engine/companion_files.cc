#include "engine/companion_files.h"

#include <array>
#include <string_view>

#include "base/json.h"
#include "base/try.h"

namespace accel::engine {
namespace {

namespace fs = std::filesystem;

// Beside the weights.
constexpr auto kModelFiles = std::to_array<std::string_view>(
    {"config.json", "generation_config.json", "preprocessor_config.json", "processor_config.json",
     "video_preprocessor_config.json", "tokenizer_config.json", "special_tokens_map.json",
     "added_tokens.json", "chat_template.jinja", "chat_template.json",
     "sentence_bert_config.json"});
// At the top.
constexpr auto kTopFiles =
    std::to_array<std::string_view>({"modules.json", "config_sentence_transformers.json"});

Status copy_listed(const fs::path& from, std::span<const std::string_view> names,
                   const fs::path& to, OutputFolder& output) {
  std::error_code ignored;
  for (const std::string_view name : names) {
    if (!fs::is_regular_file(from / name, ignored)) continue;
    ACCEL_TRY(output.copy(from / name, to / name));
  }
  return {};
}

// The folders of modules.json but the first, with their own configs and weights, which are small.
Status copy_modules(const models::ModelFolder& model, const fs::path& place, OutputFolder& output) {
  std::error_code error;
  const fs::path list = model.path() / "modules.json";
  if (!fs::is_regular_file(list, error)) return {};
  ACCEL_ASSIGN(const Json modules, read_json(list));
  for (const Json& module : modules) {
    const std::string name = module.value("path", "");
    const fs::path folder = model.path() / name;
    if (name.empty() || fs::equivalent(folder, model.sentence().transformer, error)) continue;
    for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
      if (!at->is_regular_file(error)) continue;
      ACCEL_TRY(output.copy(at->path(), place / name / at->path().filename()));
    }
  }
  return {};
}

Status write_json(const Json& json, const fs::path& name, OutputFolder& output) {
  return output.write(name, json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

Json sentence_module(int index, const char* path, const char* kind) {
  return {{"idx", index},
          {"name", std::to_string(index)},
          {"path", path},
          {"type", std::string("sentence_transformers.models.") + kind}};
}

// What a GGUF file says of pooling, as modules.json.
Status make_modules(const models::ModelFolder& model, const fs::path& place, OutputFolder& output) {
  constexpr auto kModes = std::to_array<std::pair<models::Pooling, const char*>>(
      {{models::Pooling::kMean, "pooling_mode_mean_tokens"},
       {models::Pooling::kCls, "pooling_mode_cls_token"},
       {models::Pooling::kMax, "pooling_mode_max_tokens"},
       {models::Pooling::kLastToken, "pooling_mode_lasttoken"}});
  Json pooling{{"word_embedding_dimension", model.facts().hidden_size}};
  for (const auto& [mode, name] : kModes) {
    pooling[name] = !model.sentence().pooling.empty() && model.sentence().pooling.front() == mode;
  }
  Json modules{sentence_module(0, "", "Transformer"), sentence_module(1, "1_Pooling", "Pooling")};
  if (model.sentence().normalize) modules.push_back(sentence_module(2, "2_Normalize", "Normalize"));
  ACCEL_TRY(write_json(modules, place / "modules.json", output));
  return write_json(pooling, place / "1_Pooling" / "config.json", output);
}

}  // namespace

Result<fs::path> write_companions(const models::ModelFolder& model, const fs::path& place,
                                  OutputFolder& output) {
  fs::path inner;  // of a model whose first module has a folder of its own
  const bool gguf = model.source() == "gguf";
  if (gguf) {
    ACCEL_TRY(write_json(model.config(), place / "config.json", output));
    if (model.embeds_text()) ACCEL_TRY(make_modules(model, place, output));
    if (const auto chat = model.chat_template()) {
      ACCEL_TRY(output.write(place / "chat_template.jinja", *chat));
    }
  } else {
    const fs::path& transformer = model.sentence().transformer;
    std::error_code error;
    const fs::path below = transformer.lexically_relative(model.path());
    const bool apart = fs::is_regular_file(model.path() / "modules.json", error) && !below.empty();
    if (apart && below != "." && *below.begin() != "..") inner = below;
    ACCEL_TRY(copy_listed(transformer, kModelFiles, place / inner, output));
    ACCEL_TRY(copy_listed(model.path(), kTopFiles, place, output));
    if (!inner.empty()) ACCEL_TRY(copy_listed(model.path(), kModelFiles, place, output));
    ACCEL_TRY(copy_modules(model, place, output));
  }
  const Result<std::string> tokenizer = model.tokenizer_json();
  if (tokenizer.ok()) {
    ACCEL_TRY(output.write(place / inner / "tokenizer.json", *tokenizer));
  } else if (model.takes_text() && tokenizer.status().code() != StatusCode::kNotFound) {
    return tokenizer.status().with_context("its tokenizer");
  }
  return inner;
}

}  // namespace accel::engine
