// text-classification: a text, or a pair, to labels with scores.
#include "base/try.h"
#include "pipelines/labels.h"
#include "pipelines/text/text_tasks.h"
#include "pipelines/text/token_rows.h"

namespace accel::pipelines {

Result<Prepared> prepare_text_classification(const TaskModel& model, const TaskInput& input,
                                             const TaskOptions& options) {
  ACCEL_ASSIGN(const ScoreFunction function,
               score_function(options.function, model.problem_type, model.labels.size()));
  ACCEL_ASSIGN(const text::Encoding encoding,
               input.second_text ? encode_pair(model, {input.text, *input.second_text})
                                 : encode(model, input.text));
  Prepared prepared;
  prepared.rows.push_back(token_row(model, encoding));
  prepared.finish = finish_labels(
      model,
      {.function = function, .top = options.top_k.value_or(1), .truncated = encoding.truncated});
  return prepared;
}

}  // namespace accel::pipelines
