// multiple-choice: which of several endings goes on from a prompt.
#include <algorithm>

#include "base/try.h"
#include "pipelines/scores.h"
#include "pipelines/text/text_tasks.h"
#include "pipelines/text/token_rows.h"

namespace accel::pipelines {

Result<Prepared> prepare_multiple_choice(const TaskModel& model, const TaskInput& input,
                                         const TaskOptions& options) {
  std::vector<runtime::Row> rows;
  bool truncated = false;
  for (const std::string& choice : input.choices) {
    ACCEL_ASSIGN(const text::Encoding encoding, encode_pair(model, {input.text, choice}));
    truncated = truncated || encoding.truncated;
    rows.push_back(token_row(model, encoding));
  }
  // All choices are one row, [choices, tokens].
  std::vector<const runtime::Row*> members;
  for (const runtime::Row& row : rows) members.push_back(&row);
  Prepared prepared;
  prepared.rows.push_back({runtime::stack_rows(members, model.pad_id)});
  prepared.finish = [truncated, top = options.top_k.value_or(0), choices = input.choices](
                        std::span<const NamedTensors> outputs) -> Result<TaskResult> {
    // A batch may have brought more choices along, of other items.
    const auto logits = find(outputs[0], "logits")->data<float>().first(choices.size());
    ACCEL_ASSIGN(Labels labels, name_best(softmax(logits), choices, top));
    return TaskResult{.answer = std::move(labels), .truncated = truncated};
  };
  return prepared;
}

}  // namespace accel::pipelines
