#include "pipelines/labels.h"

#include <fmt/format.h>

#include "base/try.h"

namespace accel::pipelines {

decltype(Prepared::finish) finish_labels(const TaskModel& model, const LabelOptions& options) {
  return [&model, options](std::span<const NamedTensors> outputs) -> Result<TaskResult> {
    const auto scores = scores_of(find(outputs[0], "logits")->data<float>(), options.function);
    ACCEL_ASSIGN(Labels labels, name_best(scores, model.labels, options.top));
    return TaskResult{.answer = std::move(labels), .truncated = options.truncated};
  };
}

Result<std::string> hypothesis_of(const std::string& sentence, const std::string& label) {
  const size_t at = sentence.find("{}");
  if (at == std::string::npos) {
    return invalid_argument(fmt::format(
        "hypothesis: expected a sentence with {{}} where the label goes, found '{}'", sentence));
  }
  return sentence.substr(0, at) + label + sentence.substr(at + 2);
}

}  // namespace accel::pipelines
