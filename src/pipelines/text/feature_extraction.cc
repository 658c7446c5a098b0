// feature-extraction: the model's states, one vector per token.
#include "base/try.h"
#include "pipelines/features.h"
#include "pipelines/text/text_tasks.h"
#include "pipelines/text/token_rows.h"

namespace accel::pipelines {

Result<Prepared> prepare_feature_extraction(const TaskModel& model, const TaskInput& input,
                                            const TaskOptions& options) {
  ACCEL_ASSIGN(TextRow text, text_row(model, input.text));
  const FeatureOptions features{.tokens = text.row.inputs.front().tensor.shape().front(),
                                .pool = options.pool.value_or(false),
                                .truncated = text.truncated};
  Prepared prepared;
  prepared.rows.push_back(std::move(text.row));
  prepared.finish = [features](std::span<const NamedTensors> outputs) {
    return features_of(outputs[0], features);
  };
  return prepared;
}

}  // namespace accel::pipelines
