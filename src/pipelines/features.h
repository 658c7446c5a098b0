// A model's states as an answer: what the features of texts and of images have in common.
#pragma once

#include <cstdint>
#include <optional>

#include "accel/status.h"
#include "accel/task.h"
#include "accel/tensor.h"

namespace accel::pipelines {

struct FeatureOptions {
  // Of the row: states behind them are of padding. None: there is no padding.
  std::optional<int64_t> tokens = std::nullopt;
  bool pool = false;       // "pooler_output" instead of "last_hidden_state"
  bool truncated = false;  // what the answer says of its input
};

// Of one row's outputs, as the Hub's pipelines give it, with an axis of 1 in front. Of models that
// compare texts with images it is the embedding that is compared, before it has unit length:
// "text_embeds" or "image_embeds". FAILED_PRECONDITION for a model that does not pool.
Result<TaskResult> features_of(const NamedTensors& outputs, const FeatureOptions& options);

}  // namespace accel::pipelines
