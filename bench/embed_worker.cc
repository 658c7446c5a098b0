// accel as a contender of `./dev bench embed`: answers the line protocol of peers/protocol.py over
// the public Engine, as any program that links the library would use it.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "accel/engine.h"
#include "base/stopwatch.h"
#include "base/try.h"
#include "callers.h"
#include "line_protocol.h"
#include "tensors/npy.h"
#include "text_lines.h"

namespace accel::bench {
namespace {

// What ran, for the record of the run.
json described(const EmbedResult& result) {
  return {{"precision", to_string(result.report.precision)},
          {"streams", result.report.streams},
          {"threads", result.report.threads},
          {"padded_tokens", result.padded_tokens},
          {"tokenize_seconds", result.times.tokenize},
          {"infer_seconds", result.times.infer}};
}

// One loaded model and the texts read so far.
class Worker {
 public:
  // The answer to `request`, "ok" and "seconds" left out. The texts of a path are read before
  // `start` is set: reading is not timed.
  Result<json> answer(const json& request, Clock::time_point& start) {
    const std::string action = request.value("do", "");
    const std::vector<std::string>* texts = &none_;
    if (request.contains("path")) {
      ACCEL_ASSIGN(texts, lines_.of(request["path"]));
    }
    start = Clock::now();
    if (action == "load") return load(request);
    if (action == "versions") return versions();
    if (!model_) return failed_precondition("expected \"load\" before \"" + action + "\"");
    if (action == "embed_file") return embed_file(*texts);
    if (action == "singles") return singles(*texts);
    if (action == "embed_one") return embed_one(request.value("text", ""));
    if (action == "vectors") return vectors(*texts, request.value("out", ""));
    if (action == "tokens") return tokens(*texts);
    if (action == "infer") return infer(request);
    if (action == "clients") return clients(*texts, request);
    if (action == "paced") return paced(*texts, request);
    return invalid_argument("\"" + action + "\" is no request of this protocol");
  }

 private:
  Result<json> load(const json& settings) {
    if (!engine_) {
      ACCEL_ASSIGN(engine_, Engine::create());
    }
    LoadOptions options{.path = settings.value("model", ""),
                        .backend = settings.value("backend", "openvino"),
                        .device = settings.value("device", "CPU"),
                        .streams = settings.value("streams", 0),
                        .threads = settings.value("threads", 0),
                        .own_kernels = settings.value("kernels", "auto") != "engine"};
    options.batch_tokens = settings.value("batch_tokens", int64_t{0});
    options.hint = settings.value("hint", "") == "latency" ? Hint::kLatency : Hint::kThroughput;
    ACCEL_ASSIGN(options.precision, parse_precision(settings.value("precision", "auto")));
    model_.reset();
    ACCEL_ASSIGN(model_, engine_->load(options));
    return json::object();
  }

  Result<json> versions() {
    if (!engine_) return failed_precondition("expected \"load\" before \"versions\"");
    json found = {{"accel", version()}};
    for (const BackendReport& backend : engine_->backends()) {
      if (backend.available) found[backend.name] = backend.version;
    }
    return json{{"versions", found}};
  }

  Result<json> embed_file(const std::vector<std::string>& texts) {
    ACCEL_ASSIGN(EmbedResult result, model_->embed(texts));
    return described(result);
  }

  Result<json> singles(const std::vector<std::string>& texts) {
    json last = json::object();
    for (const std::string& text : texts) {
      ACCEL_ASSIGN(EmbedResult result, model_->embed({text}));
      if (&text == &texts.back()) last = described(result);
    }
    return last;
  }

  Result<json> embed_one(const std::string& text) {
    ACCEL_ASSIGN(EmbedResult result, model_->embed({text}));
    return json{{"size", result.embeddings.shape().back()}};
  }

  Result<json> vectors(const std::vector<std::string>& texts, const std::string& path) {
    ACCEL_ASSIGN(EmbedResult result, model_->embed(texts));
    ACCEL_TRY(tensors::write_npy(path, result.embeddings));
    return described(result);
  }

  Result<json> tokens(const std::vector<std::string>& texts) {
    ACCEL_ASSIGN(EmbedResult result, model_->embed(texts));
    return json{{"tokens", result.tokens}};
  }

  // The bare graph on ids of one number, some times.
  Result<json> infer(const json& request) {
    const Shape shape{request.value("rows", int64_t{1}), request.value("length", int64_t{1})};
    const std::vector<int64_t> ones(static_cast<size_t>(shape[0] * shape[1]), 1);
    const Tensor tensor = Tensor::from<int64_t>(shape, ones);
    for (int i = 0; i < request.value("times", 1); ++i) {
      ACCEL_TRY(model_->infer({{"input_ids", tensor}, {"attention_mask", tensor}}).status());
    }
    return json::object();
  }

  // Texts in turn by callers that each wait for their answer before the next, for some seconds.
  Result<json> clients(const std::vector<std::string>& texts, const json& request) {
    const double seconds = request.value("seconds", 1.0);
    std::atomic<size_t> next = 0;
    const ModelStatistics before = model_->statistics();
    const auto start = Clock::now();
    Result<json> found = on_callers(request.value("clients", 1), [&](Caller& caller) -> Status {
      const auto begin = Clock::now();
      while (seconds_since(begin) < seconds) {
        ACCEL_TRY(caller.time([&] { return ask(texts[next++ % texts.size()]); }));
      }
      return {};
    });
    if (found.ok()) (*found)["shares"] = shares(before, model_->statistics(), seconds_since(start));
    return found;
  }

  // What each device of the model did meanwhile: its rows, and of `seconds` the part it worked.
  static json shares(const ModelStatistics& before, const ModelStatistics& after, double seconds) {
    json found = json::array();
    for (const ModelStatistics::Share& share : after.shares) {
      const auto was =
          std::ranges::find(before.shares, share.device, &ModelStatistics::Share::device);
      const bool first = was == before.shares.end();
      const double worked = share.worked_seconds - (first ? 0 : was->worked_seconds);
      found.push_back({{"device", share.device},
                       {"rows", share.rows - (first ? 0 : was->rows)},
                       {"busy", worked / seconds}});
    }
    return found;
  }

  // One caller that asks every so many milliseconds, beside a stream of the texts of "job" that has
  // no end; alone without "job".
  Result<json> paced(const std::vector<std::string>& texts, const json& request) {
    const auto period = std::chrono::milliseconds(request.value("period_ms", 30));
    std::unique_ptr<EmbeddingStream> stream;
    std::thread pushing;
    std::thread pulling;
    if (request.contains("job")) {
      ACCEL_ASSIGN(const auto* const job, lines_.of(request["job"]));
      // The longest of a window come first: of small ones any second is like another.
      ACCEL_ASSIGN(stream, model_->embed_stream({.window_texts = 128}));
      pushing = std::thread([&stream, job] {
        for (size_t i = 0; stream->push((*job)[i % job->size()]).ok();) ++i;
      });
      pulling = std::thread([&stream] {
        while (stream->next().ok()) continue;
      });
      std::this_thread::sleep_for(std::chrono::seconds(1));  // until it is busy
    }
    const uint64_t done_before = stream ? stream->completed() : 0;
    const auto begin = Clock::now();
    Result<json> found = on_callers(1, [&](Caller& caller) -> Status {
      for (size_t i = 0; i < texts.size(); ++i) {
        std::this_thread::sleep_until(begin + period * static_cast<int64_t>(i));
        ACCEL_TRY(caller.time([&] { return ask(texts[i]); }));
      }
      return {};
    });
    if (stream) {
      const auto done = static_cast<double>(stream->completed() - done_before);
      if (found.ok()) (*found)["job_per_sec"] = done / seconds_since(begin);
      stream->cancel();
      pushing.join();
      pulling.join();
    }
    return found;
  }

  Status ask(const std::string& text) { return model_->embed({text}).status(); }

  const std::vector<std::string> none_;
  LineFiles lines_;
  std::unique_ptr<Engine> engine_;
  std::shared_ptr<Model> model_;
};

}  // namespace
}  // namespace accel::bench

int main() {
  accel::bench::Worker worker;
  accel::bench::answer_lines(worker);
}
