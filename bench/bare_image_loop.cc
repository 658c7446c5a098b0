// What accel's own work around the engine costs with images: a bare loop over the same graph and
// ready-made pixels. Nothing is read, decoded, scaled or copied while the time runs. Answers the
// line protocol of peers/protocol.py, as far as the bench of images goes.
//
// Settings: model, batch, streams.
#include <fstream>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "bare_graph.h"
#include "base/files.h"
#include "base/try.h"
#include "engine/task_model.h"
#include "image/decode.h"
#include "image/processor.h"
#include "line_protocol.h"
#include "pipelines/scores.h"
#include "text_lines.h"

namespace accel::bench {
namespace {

constexpr uint64_t kFileBytesMax = uint64_t{1} << 28;
constexpr int64_t kTop = 5;

struct PixelBatch {
  ov::Tensor pixels;  // f32 [batch, 3, height, width]
  size_t first = 0;   // the number of its first image
};

class ImageLoop {
 public:
  // As the protocol's other ends; `start` is set after what is not timed.
  Result<json> answer(const json& request, Clock::time_point& start) {
    const std::string action = request.value("do", "");
    if (action == "load") return load(request);
    if (action == "versions") {
      return json{{"versions", {{"openvino", ov::get_openvino_version().buildNumber}}}};
    }
    if (!task_) return failed_precondition("expected \"load\" before \"" + action + "\"");
    if (action == "write_labels") return write_labels(request.value("out", ""));
    ACCEL_ASSIGN(const std::vector<PixelBatch>* batches, batches_of(request.value("path", "")));
    const PixelBatch& last = batches->back();
    logits_.assign(last.first + last.pixels.get_shape()[0], {});
    start = Clock::now();
    if (action == "classify_files") {
      run(*batches);
      return json{{"images", logits_.size()}, {"streams", requests_.size()}};
    }
    return invalid_argument("\"" + action + "\" is no request of this protocol");
  }

 private:
  Result<json> load(const json& settings) {
    const std::string path = settings.value("model", "");
    ACCEL_ASSIGN(const auto folder, models::ModelFolder::open(path));
    ACCEL_ASSIGN(task_, engine::read_task_model({.path = path, .inputs = {"pixel_values"}}));
    if (!task_->images) return failed_precondition(path + ": expected a model of images");
    models::GraphRequest request;
    ACCEL_ASSIGN(request.head, folder->head());
    request.inputs = {"pixel_values"};
    ACCEL_ASSIGN(compiled_, compile_bare(core_, *folder,
                                         {.request = std::move(request),
                                          .streams = settings.value("streams", 0)}));
    requests_.clear();
    const int streams = compiled_.get_property(ov::num_streams);
    for (int i = 0; i < streams; ++i) requests_.push_back(compiled_.create_infer_request());
    batches_.clear();
    batch_ = settings.value("batch", size_t{1});
    return json::object();
  }

  Result<Tensor> pixels_of(const std::string& path) {
    if (const auto known = pixels_.find(path); known != pixels_.end()) return known->second;
    ACCEL_ASSIGN(const std::string bytes, read_file(path, kFileBytesMax));
    ACCEL_ASSIGN(const image::Image image, image::decode(std::as_bytes(std::span(bytes))));
    ACCEL_ASSIGN(image::ProcessedImage processed, task_->images->process(image));
    return pixels_.emplace(path, std::move(processed.pixel_values)).first->second;
  }

  Result<const std::vector<PixelBatch>*> batches_of(const std::string& path) {
    if (const auto known = batches_.find(path); known != batches_.end()) return &known->second;
    ACCEL_ASSIGN(const std::vector<std::string>* files, lines_.of(path));
    if (files->empty()) return invalid_argument(path + ": expected paths of images, found none");
    std::vector<PixelBatch> made;
    for (size_t first = 0; first < files->size(); first += batch_) {
      const size_t count = std::min(batch_, files->size() - first);
      PixelBatch batch{.pixels = {}, .first = first};
      for (size_t i = 0; i < count; ++i) {
        ACCEL_ASSIGN(const Tensor pixels, pixels_of((*files)[first + i]));
        if (i == 0) {
          ov::Shape shape{count};
          for (const int64_t side : pixels.shape()) shape.push_back(static_cast<size_t>(side));
          batch.pixels = ov::Tensor(ov::element::f32, shape);
        }
        std::ranges::copy(pixels.data<float>(),
                          batch.pixels.data<float>() + i * static_cast<size_t>(pixels.count()));
      }
      made.push_back(std::move(batch));
    }
    return &batches_.emplace(path, std::move(made)).first->second;
  }

  void run(const std::vector<PixelBatch>& batches) {
    run_bare(
        requests_, batches,
        [](const PixelBatch& batch, ov::InferRequest& request) {
          request.set_tensor("pixel_values", batch.pixels);
        },
        [&](const PixelBatch& batch, ov::InferRequest& request) {
          const ov::Tensor found = request.get_tensor("logits");
          const size_t labels = found.get_shape()[1];
          for (size_t i = 0; i < found.get_shape()[0]; ++i) {
            const float* row = found.data<const float>() + i * labels;
            logits_[batch.first + i].assign(row, row + labels);
          }
        });
  }

  Result<json> write_labels(const std::string& path) {
    json all = json::array();
    for (const std::vector<float>& logits : logits_) {
      const std::vector<double> scores = pipelines::softmax(logits);
      ACCEL_ASSIGN(const Labels best, pipelines::name_best(scores, task_->labels, kTop));
      json one = json::array();
      for (const LabelScore& label : best) one.push_back({label.label, label.score});
      all.push_back(std::move(one));
    }
    std::ofstream(path) << all.dump() << '\n';
    return json::object();
  }

  ov::Core core_;
  std::shared_ptr<const pipelines::TaskModel> task_;
  ov::CompiledModel compiled_;
  std::vector<ov::InferRequest> requests_;
  size_t batch_ = 1;
  LineFiles lines_;
  std::map<std::string, Tensor> pixels_;                    // by the file's path
  std::map<std::string, std::vector<PixelBatch>> batches_;  // by the list's path
  std::vector<std::vector<float>> logits_;                  // of the last run
};

}  // namespace
}  // namespace accel::bench

int main() {
  accel::bench::ImageLoop loop;
  accel::bench::answer_lines(loop);
}
