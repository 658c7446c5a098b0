// object-detection: the things in an image, with boxes, as DETR and YOLOS give them: for each of
// their queries a class, the last of which is "nothing", and a box by its centre and size in shares
// of the image (Carion et al., arXiv:2005.12872).
#include <fmt/format.h>

#include <algorithm>

#include "base/try.h"
#include "pipelines/image/image_rows.h"
#include "pipelines/image/image_tasks.h"
#include "pipelines/scores.h"

namespace accel::pipelines {
namespace {

constexpr double kUsualThreshold = 0.5;  // the reference's

void set_box(std::span<const float> shares, image::Size size, DetectedObject& object) {
  const auto width = static_cast<float>(size.width);
  const auto height = static_cast<float>(size.height);
  const float half_width = shares[2] / 2;
  const float half_height = shares[3] / 2;
  // Towards zero, as the reference cuts them.
  object.xmin = static_cast<int64_t>((shares[0] - half_width) * width);
  object.ymin = static_cast<int64_t>((shares[1] - half_height) * height);
  object.xmax = static_cast<int64_t>((shares[0] + half_width) * width);
  object.ymax = static_cast<int64_t>((shares[1] + half_height) * height);
}

}  // namespace

Result<Prepared> prepare_object_detection(const TaskModel& model, const TaskInput& input,
                                          const TaskOptions& options) {
  const double threshold = options.threshold.value_or(kUsualThreshold);
  ACCEL_ASSIGN(ImageRow image, image_row(model, input));
  Prepared prepared;
  prepared.rows.push_back(std::move(image.row));
  prepared.decode_seconds = image.decode_seconds;
  prepared.finish = [&model, threshold, size = image.original](
                        std::span<const NamedTensors> outputs) -> Result<TaskResult> {
    const Tensor* logits = find(outputs[0], "logits");
    const Tensor* boxes = find(outputs[0], "pred_boxes");
    const auto queries = static_cast<size_t>(logits->shape()[0]);
    const auto classes = static_cast<size_t>(logits->shape()[1]);
    DetectedObjects objects;
    for (size_t query = 0; query < queries; ++query) {
      const auto scores = softmax(logits->data<float>().subspan(query * classes, classes));
      const auto surest = std::max_element(scores.begin(), scores.end() - 1);
      if (!(*surest > threshold)) continue;
      const auto id = static_cast<size_t>(surest - scores.begin());
      if (id >= model.labels.size()) {
        return invalid_argument(fmt::format("id2label: expected names for {} classes, found {}",
                                            classes - 1, model.labels.size()));
      }
      DetectedObject object{
          .score = *surest, .label = model.labels[id], .class_id = static_cast<int64_t>(id)};
      set_box(boxes->data<float>().subspan(query * 4, 4), size, object);
      objects.push_back(std::move(object));
    }
    return TaskResult{.answer = std::move(objects)};
  };
  return prepared;
}

}  // namespace accel::pipelines
