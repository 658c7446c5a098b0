// accel as a contender of `./dev bench images`: answers the line protocol of peers/protocol.py over
// the public Engine. Files are read while others are decoded and computed, as accel run does it.
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "accel/engine.h"
#include "base/stopwatch.h"
#include "base/try.h"
#include "line_protocol.h"
#include "text_lines.h"

namespace accel::bench {
namespace {

Result<std::string> bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) return not_found("expected an image file, found nothing readable: " + path);
  std::string bytes(static_cast<size_t>(file.tellg()), '\0');
  file.seekg(0);
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  return bytes;
}

// One loaded model and the answers of its last run.
class ImageWorker {
 public:
  // The answer to `request`, "ok" and "seconds" left out.
  Result<json> answer(const json& request, Clock::time_point& start) {
    const std::string action = request.value("do", "");
    if (action == "load") return load(request);
    if (action == "versions") return json{{"versions", {{"accel", version()}}}};
    if (!model_) return failed_precondition("expected \"load\" before \"" + action + "\"");
    if (action == "write_labels") return write_labels(request.value("out", ""));
    ACCEL_ASSIGN(const std::vector<std::string>* paths, lines_.of(request.value("path", "")));
    start = Clock::now();
    if (action == "classify_files") return classify_files(*paths);
    if (action == "singles") return singles(*paths);
    if (action == "shares") return shares(*paths);
    return invalid_argument("\"" + action + "\" is no request of this protocol");
  }

 private:
  Result<json> load(const json& settings) {
    if (!engine_) {
      ACCEL_ASSIGN(engine_, Engine::create());
    }
    LoadOptions options{.path = settings.value("model", ""),
                        .streams = settings.value("streams", 0),
                        .threads = settings.value("threads", 0),
                        .batch_rows = settings.value("batch_rows", int64_t{0}),
                        .own_kernels = settings.value("kernels", "auto") != "engine",
                        .use = Use::kRun};
    options.hint = settings.value("hint", "") == "latency" ? Hint::kLatency : Hint::kThroughput;
    ACCEL_ASSIGN(options.precision, parse_precision(settings.value("precision", "f32")));
    model_.reset();
    ACCEL_ASSIGN(model_, engine_->load(options));
    return json::object();
  }

  Result<json> classify_files(const std::vector<std::string>& paths) {
    ACCEL_ASSIGN(const std::unique_ptr<TaskStream> stream, model_->run_stream());
    read_seconds_ = 0;
    labels_.clear();
    Status pushed;
    std::thread pusher([&] {
      for (const std::string& path : paths) {
        const Clock::time_point start = Clock::now();
        Result<std::string> bytes = bytes_of(path);
        read_seconds_ += seconds_since(start);
        pushed = bytes.ok() ? stream->push({.media = *std::move(bytes)}) : bytes.status();
        if (!pushed.ok()) break;
      }
      stream->close();
    });
    Status failed;
    while (std::optional<Result<TaskResult>> item = stream->next()) {
      if (!item->ok()) failed = item->status();
      labels_.push_back(item->ok() ? std::get<Labels>((*item)->answer) : Labels());
    }
    pusher.join();
    ACCEL_TRY(pushed);
    ACCEL_TRY(failed);
    times_ = stream->times();
    const RunReport report = stream->report();
    return json{{"images", labels_.size()},
                {"precision", to_string(report.precision)},
                {"kernels", report.kernels},
                {"streams", report.streams},
                {"threads", report.threads}};
  }

  // One after the other, each when the one before it is answered.
  Result<json> singles(const std::vector<std::string>& paths) {
    for (const std::string& path : paths) {
      ACCEL_ASSIGN(std::string bytes, bytes_of(path));
      ACCEL_ASSIGN(RunResult result, model_->run({{.media = std::move(bytes)}}));
      ACCEL_TRY(result.items.front().status());
    }
    return json::object();
  }

  // Of all threads together.
  Result<json> shares(const std::vector<std::string>& paths) {
    ACCEL_TRY(classify_files(paths).status());
    return json{{"shares",
                 {{"decode", read_seconds_ + times_.decode},
                  {"preprocess", times_.prepare - times_.decode},
                  {"infer", times_.infer},
                  {"finish", times_.finish}}}};
  }

  Result<json> write_labels(const std::string& path) {
    json all = json::array();
    for (const Labels& labels : labels_) {
      json one = json::array();
      for (const LabelScore& label : labels) one.push_back({label.label, label.score});
      all.push_back(std::move(one));
    }
    std::ofstream(path) << all.dump() << '\n';
    return json::object();
  }

  LineFiles lines_;
  std::unique_ptr<Engine> engine_;
  std::shared_ptr<Model> model_;
  std::vector<Labels> labels_;
  TaskTimes times_;
  double read_seconds_ = 0;
};

}  // namespace
}  // namespace accel::bench

int main() {
  accel::bench::ImageWorker worker;
  accel::bench::answer_lines(worker);
}
