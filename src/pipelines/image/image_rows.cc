#include "pipelines/image/image_rows.h"

#include <array>
#include <utility>

#include "base/stopwatch.h"
#include "base/try.h"
#include "image/decode.h"
#include "image/processor.h"

namespace accel::pipelines {
namespace {

// Without the batch axis.
Tensor only(const Tensor& batch) {
  Shape shape = batch.shape();
  shape.erase(shape.begin());
  return batch.reshaped(std::move(shape));
}

}  // namespace

Result<ImageRow> image_row(const TaskModel& model, const TaskInput& input) {
  if (!model.images) {
    return failed_precondition(
        "expected a folder with a preprocessor_config.json, which says how the model wants its "
        "images; found none");
  }
  const Clock::time_point start = Clock::now();
  ACCEL_ASSIGN(const image::Image image, image::decode(std::as_bytes(std::span(*input.media))));
  const double decode_seconds = seconds_since(start);
  ACCEL_ASSIGN(const image::ProcessedImage processed, model.images->process(image));
  ImageRow made{.original = image.size, .decode_seconds = decode_seconds};
  if (!model.images->config().pad_to) {
    // Alone it is its batch's largest: there is nothing to pad.
    made.row.inputs.push_back({"pixel_values", processed.pixel_values});
    return made;
  }
  ACCEL_ASSIGN(const image::ProcessedBatch batch, model.images->batch(std::array{processed}));
  made.row.inputs.push_back({"pixel_values", only(batch.pixel_values)});
  if (batch.pixel_mask && model.takes("pixel_mask")) {
    made.row.inputs.push_back({"pixel_mask", only(*batch.pixel_mask)});
  }
  return made;
}

}  // namespace accel::pipelines
