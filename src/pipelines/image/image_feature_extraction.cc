// image-feature-extraction: what an image is to the model, as numbers.
#include "base/try.h"
#include "pipelines/features.h"
#include "pipelines/image/image_rows.h"
#include "pipelines/image/image_tasks.h"

namespace accel::pipelines {

Result<Prepared> prepare_image_feature_extraction(const TaskModel& model, const TaskInput& input,
                                                  const TaskOptions& options) {
  ACCEL_ASSIGN(ImageRow image, image_row(model, input));
  Prepared prepared;
  prepared.rows.push_back(std::move(image.row));
  prepared.decode_seconds = image.decode_seconds;
  prepared.finish = [pool = options.pool.value_or(false)](std::span<const NamedTensors> outputs) {
    return features_of(outputs[0], {.pool = pool});
  };
  return prepared;
}

}  // namespace accel::pipelines
