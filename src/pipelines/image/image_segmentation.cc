// image-segmentation: a class for each pixel of an image.
#include <fmt/format.h>

#include <algorithm>

#include "base/try.h"
#include "pipelines/image/class_map.h"
#include "pipelines/image/image_rows.h"
#include "pipelines/image/image_tasks.h"

namespace accel::pipelines {
namespace {

// As many as the answer's map can number.
constexpr size_t kClassesMax = size_t{1} << 16;

}  // namespace

Result<Prepared> prepare_image_segmentation(const TaskModel& model, const TaskInput& input,
                                            const TaskOptions& /*options*/) {
  ACCEL_ASSIGN(ImageRow image, image_row(model, input));
  Prepared prepared;
  prepared.rows.push_back(std::move(image.row));
  prepared.decode_seconds = image.decode_seconds;
  prepared.finish =
      [&model, size = image.original](std::span<const NamedTensors> outputs) -> Result<TaskResult> {
    const Tensor* logits = find(outputs[0], "logits");
    const Shape& shape = logits->shape();  // [classes, height, width]
    const auto classes = static_cast<size_t>(shape[0]);
    if (classes > std::min(model.labels.size(), kClassesMax)) {
      return invalid_argument(
          fmt::format("id2label: expected names for {} classes (at most {}), found {}", classes,
                      kClassesMax, model.labels.size()));
    }
    const image::Size grid{static_cast<int>(shape[2]), static_cast<int>(shape[1])};
    Segmentation found{.width = size.width,
                       .height = size.height,
                       .classes = class_map(logits->data<float>(), grid, size)};
    std::vector<int64_t> areas(classes, 0);
    for (const uint16_t id : found.classes) ++areas[id];
    for (size_t id = 0; id < classes; ++id) {
      if (areas[id] == 0) continue;
      found.segments.push_back({model.labels[id], static_cast<int64_t>(id), areas[id]});
    }
    return TaskResult{.answer = std::move(found)};
  };
  return prepared;
}

}  // namespace accel::pipelines
