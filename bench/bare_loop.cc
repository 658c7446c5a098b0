// What accel's own work around the engine costs: a bare loop over the same graph with as many
// streams and ready-made batches of tokens. Nothing is tokenised, cut, ordered or copied while the
// time runs. Answers the line protocol of peers/protocol.py, as far as bulk runs go.
#include <fstream>
#include <map>
#include <openvino/openvino.hpp>
#include <string>
#include <vector>

#include "bare_graph.h"
#include "base/try.h"
#include "line_protocol.h"
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
    ACCEL_ASSIGN(compiled_,
                 compile_bare(core_, *folder_,
                              {.request = {.sentence = true},
                               .own_kernels = settings.value("kernels", "auto") != "engine"}));
    requests_.clear();
    const int streams = compiled_.get_property(ov::num_streams);
    for (int i = 0; i < streams; ++i) requests_.push_back(compiled_.create_infer_request());
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
    run_bare(
        requests_, corpus.batches,
        [](const Batch& batch, ov::InferRequest& request) {
          request.set_tensor("input_ids", batch.ids);
          request.set_tensor("attention_mask", batch.mask);
        },
        [&](const Batch& batch, ov::InferRequest& request) {
          take(batch, request.get_output_tensor(0));
        });
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
