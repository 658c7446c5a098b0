// Logits to an answer of labels: what classifiers of texts, images and sounds have in common.
#pragma once

#include "pipelines/scores.h"
#include "pipelines/task.h"

namespace accel::pipelines {

struct LabelOptions {
  ScoreFunction function = ScoreFunction::kSoftmax;
  int64_t top = 1;         // labels to keep; 0: all
  bool truncated = false;  // what the answer says of its input
};

// Of one row's "logits" [labels]. `model` outlives it.
decltype(Prepared::finish) finish_labels(const TaskModel& model, const LabelOptions& options);

// `sentence` with `label` in the place of "{}". INVALID_ARGUMENT where there is none.
Result<std::string> hypothesis_of(const std::string& sentence, const std::string& label);

}  // namespace accel::pipelines
