// image-classification: an image to labels with scores.
#include "base/try.h"
#include "pipelines/image/image_rows.h"
#include "pipelines/image/image_tasks.h"
#include "pipelines/labels.h"

namespace accel::pipelines {

Result<Prepared> prepare_image_classification(const TaskModel& model, const TaskInput& input,
                                              const TaskOptions& options) {
  ACCEL_ASSIGN(const ScoreFunction function,
               score_function(options.function, model.problem_type, model.labels.size()));
  ACCEL_ASSIGN(ImageRow image, image_row(model, input));
  Prepared prepared;
  prepared.rows.push_back(std::move(image.row));
  prepared.decode_seconds = image.decode_seconds;
  prepared.finish = finish_labels(model, {.function = function, .top = options.top_k.value_or(5)});
  return prepared;
}

}  // namespace accel::pipelines
