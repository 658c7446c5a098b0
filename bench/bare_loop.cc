// What accel's own work around the engine costs: a bare loop over the same graph with as many
// streams and ready-made batches of tokens. Nothing is tokenised, cut, ordered or copied while the
// time runs. Answers the line protocol of peers/protocol.py, as far as bulk runs go.
#include <atomic>
#include <fstream>
#include <map>
#include <openvino/openvino.hpp>
#include <string>
#include <thread>
#include <vector>

#include "backends/openvino/engine_threads.h"
#include "backends/openvino/own_kernels.h"
#include "base/try.h"
#include "hardware/limits.h"
#include "line_protocol.h"
#include "models/model_folder.h"
#include "runtime/token_batches.h"
#include "tensors/npy.h"
#include "text/tokenizer.h"

namespace accel::bench {
namespace {

struct Batch {
  ov::Tensor ids;
  ov::Tensor mask;
  std::vector<uint32_t> items;
};

struct Corpus {
  size_t texts = 0;
  std::vector<Batch> batches;
};

class Loop {
 public:
  // As the protocol's other ends; `start` is set after what is not timed.
  Result<json> answer(const json& request, Clock::time_point& start) {
    const std::string action = request.value("do", "");
    if (action == "load") return load(request);
    if (action == "versions") {
      return json{{"versions", {{"openvino", ov::get_openvino_version().buildNumber}}}};
    }
    if (!folder_) return failed_precondition("expected \"load\" before \"" + action + "\"");
    ACCEL_ASSIGN(const Corpus* corpus, corpus_of(request.value("path", "")));
    start = Clock::now();
    if (action == "embed_file") {
      run(*corpus, [](const Batch&, const ov::Tensor&) {});
      return json{{"texts", corpus->texts}, {"streams", requests_.size()}};
    }
    if (action == "vectors") return vectors(*corpus, request.value("out", ""));
    return invalid_argument("\"" + action + "\" is no request of this protocol");
  }

 private:
  Result<json> load(const json& settings) {
    ACCEL_ASSIGN(folder_, models::ModelFolder::open(settings.value("model", "")));
    ACCEL_ASSIGN(const std::string text, folder_->tokenizer_json());
    ACCEL_ASSIGN(tokenizer_, text::Tokenizer::from_json(text));
    ACCEL_ASSIGN(const models::BuiltGraph built, folder_->build({.sentence = true}));
    std::shared_ptr<const ov::Model> graph = built.model;
    const kernels::KernelTable* table = kernels::kernel_table();
    if (settings.value("kernels", "auto") != "engine" && table != nullptr) {
      graph = backend::move_to_own_kernels(*built.model, *table, backend::engine_threads()).model;
    }
    const int threads = hardware::read_cpu_limits().usable;
    compiled_ = core_.compile_model(graph, "CPU", ov::hint::inference_precision(ov::element::f32),
                                    ov::num_streams(threads), ov::inference_num_threads(threads),
                                    ov::hint::enable_cpu_pinning(false));
    requests_.clear();
    for (int i = 0; i < threads; ++i) requests_.push_back(compiled_.create_infer_request());
    return json::object();
  }

  Result<const Corpus*> corpus_of(const std::string& path) {
    if (const auto known = corpora_.find(path); known != corpora_.end()) return &known->second;
    std::ifstream file(path);
    if (!file) return not_found("expected a file of texts, found nothing readable: " + path);
    std::vector<std::vector<int32_t>> ids;
    std::vector<int32_t> lengths;
    for (std::string line; std::getline(file, line);) {
      ACCEL_ASSIGN(
          text::Encoding encoding,
          tokenizer_->encode(line, {.max_length = static_cast<size_t>(folder_->max_tokens())}));
      lengths.push_back(static_cast<int32_t>(encoding.ids.size()));
      ids.push_back(std::move(encoding.ids));
    }
    Corpus corpus{.texts = ids.size(), .batches = {}};
    const runtime::TokenBatches cut =
        runtime::cut_token_batches(lengths, {.workers = static_cast<int>(requests_.size())});
    for (const runtime::TokenBatch& batch : cut.batches) {
      corpus.batches.push_back(ready_made(ids, batch));
    }
    return &corpora_.emplace(path, std::move(corpus)).first->second;
  }

  static Batch ready_made(const std::vector<std::vector<int32_t>>& ids,
                          const runtime::TokenBatch& batch) {
    const ov::Shape shape{batch.items.size(), static_cast<size_t>(batch.length)};
    Batch made{ov::Tensor(ov::element::i64, shape), ov::Tensor(ov::element::i64, shape),
               batch.items};
    std::fill_n(made.ids.data<int64_t>(), made.ids.get_size(), 0);
    std::fill_n(made.mask.data<int64_t>(), made.mask.get_size(), 0);
    for (size_t i = 0; i < batch.items.size(); ++i) {
      const std::vector<int32_t>& row = ids[batch.items[i]];
      std::ranges::copy(row, made.ids.data<int64_t>() + i * shape[1]);
      std::fill_n(made.mask.data<int64_t>() + i * shape[1], row.size(), 1);
    }
    return made;
  }

  // take(batch, vectors) is called by the thread that ran the batch.
  template <class Take>
  void run(const Corpus& corpus, const Take& take) {
    std::atomic<size_t> next = 0;
    std::vector<std::thread> threads;
    for (ov::InferRequest& request : requests_) {
      threads.emplace_back([&] {
        for (size_t i = next++; i < corpus.batches.size(); i = next++) {
          const Batch& batch = corpus.batches[i];
          request.set_tensor("input_ids", batch.ids);
          request.set_tensor("attention_mask", batch.mask);
          request.infer();
          take(batch, request.get_output_tensor(0));
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
  }

  Result<json> vectors(const Corpus& corpus, const std::string& path) {
    const auto size = compiled_.output(0).get_partial_shape()[1].get_length();
    Tensor all = Tensor::allocate(DType::kF32, {static_cast<int64_t>(corpus.texts), size});
    auto* rows = reinterpret_cast<float*>(all.mutable_data());
    run(corpus, [&](const Batch& batch, const ov::Tensor& found) {
      for (size_t i = 0; i < batch.items.size(); ++i) {
        std::copy_n(found.data<const float>() + static_cast<int64_t>(i) * size, size,
                    rows + batch.items[i] * size);
      }
    });
    ACCEL_TRY(tensors::write_npy(path, all));
    return json::object();
  }

  ov::Core core_;
  std::shared_ptr<const models::ModelFolder> folder_;
  std::shared_ptr<const text::Tokenizer> tokenizer_;
  ov::CompiledModel compiled_;
  std::vector<ov::InferRequest> requests_;
  std::map<std::string, Corpus> corpora_;
};

}  // namespace
}  // namespace accel::bench

int main() {
  accel::bench::Loop loop;
  accel::bench::answer_lines(loop);
}
