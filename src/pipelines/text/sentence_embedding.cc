// sentence-embedding: one vector for a text, made as the folder's modules say
// (Reimers and Gurevych, arXiv:1908.10084).
#include "base/try.h"
#include "pipelines/text/text_tasks.h"
#include "pipelines/text/token_rows.h"

namespace accel::pipelines {

Result<Prepared> prepare_sentence_embedding(const TaskModel& model, const TaskInput& input,
                                            const TaskOptions& options) {
  ACCEL_ASSIGN(TextRow text, prompted_row(model, input, options));
  Prepared prepared;
  prepared.rows.push_back(std::move(text.row));
  prepared.finish =
      [truncated = text.truncated](std::span<const NamedTensors> outputs) -> Result<TaskResult> {
    return TaskResult{.answer = Features{outputs[0].front().tensor}, .truncated = truncated};
  };
  return prepared;
}

}  // namespace accel::pipelines
