#include "pipelines/features.h"

#include <cstring>
#include <string_view>
#include <utility>

namespace accel::pipelines {
namespace {

// The first `count` of the first axis.
Tensor first_of(const Tensor& states, int64_t count) {
  Shape shape = states.shape();
  shape.front() = count;
  Tensor kept = Tensor::allocate(states.dtype(), std::move(shape));
  std::memcpy(kept.mutable_data(), states.bytes().data(), kept.byte_size());
  return kept;
}

TaskResult answer_of(const Tensor& values, bool truncated) {
  Shape shape = values.shape();
  shape.insert(shape.begin(), 1);
  return {.answer = Features{values.reshaped(std::move(shape))}, .truncated = truncated};
}

}  // namespace

Result<TaskResult> features_of(const NamedTensors& outputs, const FeatureOptions& options) {
  for (const std::string_view name : {"text_embeds", "image_embeds"}) {
    const Tensor* embedding = find(outputs, name);
    if (embedding != nullptr) return answer_of(*embedding, options.truncated);
  }
  if (options.pool) {
    const Tensor* pooled = find(outputs, "pooler_output");
    if (pooled != nullptr) return answer_of(*pooled, options.truncated);
    return failed_precondition(
        "pool: expected a model with a pooler, found one without; leave the option out to have all "
        "states");
  }
  const Tensor* states = find(outputs, "last_hidden_state");
  if (states == nullptr) {
    return failed_precondition(
        "expected a model that gives its last_hidden_state, found one that gives none");
  }
  const bool padded = options.tokens && *options.tokens < states->shape().front();
  return answer_of(padded ? first_of(*states, *options.tokens) : *states, options.truncated);
}

}  // namespace accel::pipelines
