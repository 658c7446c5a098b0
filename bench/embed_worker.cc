// accel as a contender of `./dev bench embed`: answers the line protocol of peers/protocol.py over
// the public Engine, as any program that links the library would use it.
#include <memory>
#include <string>
#include <vector>

#include "accel/engine.h"
#include "base/try.h"
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
    options.hint = settings.value("hint", "") == "latency" ? Hint::kLatency : Hint::kThroughput;
    ACCEL_ASSIGN(options.precision, parse_precision(settings.value("precision", "auto")));
    embed_options_.batch_tokens = settings.value("batch_tokens", int64_t{0});
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
    ACCEL_ASSIGN(EmbedResult result, model_->embed(texts, embed_options_));
    return described(result);
  }

  Result<json> singles(const std::vector<std::string>& texts) {
    json last = json::object();
    for (const std::string& text : texts) {
      ACCEL_ASSIGN(EmbedResult result, model_->embed({text}, embed_options_));
      if (&text == &texts.back()) last = described(result);
    }
    return last;
  }

  Result<json> embed_one(const std::string& text) {
    ACCEL_ASSIGN(EmbedResult result, model_->embed({text}, embed_options_));
    return json{{"size", result.embeddings.shape().back()}};
  }

  Result<json> vectors(const std::vector<std::string>& texts, const std::string& path) {
    ACCEL_ASSIGN(EmbedResult result, model_->embed(texts, embed_options_));
    ACCEL_TRY(tensors::write_npy(path, result.embeddings));
    return described(result);
  }

  Result<json> tokens(const std::vector<std::string>& texts) {
    ACCEL_ASSIGN(EmbedResult result, model_->embed(texts, embed_options_));
    return json{{"tokens", result.tokens}};
  }

  const std::vector<std::string> none_;
  LineFiles lines_;
  std::unique_ptr<Engine> engine_;
  std::shared_ptr<Model> model_;
  EmbedOptions embed_options_;
};

}  // namespace
}  // namespace accel::bench

int main() {
  accel::bench::Worker worker;
  accel::bench::answer_lines(worker);
}
