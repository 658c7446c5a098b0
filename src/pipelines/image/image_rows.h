// Image files as rows of pixels: pure, but for the time it tells.
#pragma once

#include "accel/status.h"
#include "image/image.h"
#include "pipelines/task.h"
#include "runtime/row_batches.h"

namespace accel::pipelines {

struct ImageRow {
  runtime::Row row;      // pixel_values [3, H, W], and pixel_mask [H, W] where the model takes it
  image::Size original;  // of the image as it is seen
  double decode_seconds = 0;  // of the file
};

// The image of `input.media`. The errors of image::decode() and ImageProcessor; FAILED_PRECONDITION
// for a model whose folder does not say how it wants images.
Result<ImageRow> image_row(const TaskModel& model, const TaskInput& input);

}  // namespace accel::pipelines
