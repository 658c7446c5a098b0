// For tests: an embedding model whose tokens are numbers. "5 7" becomes the ids 5 and 7, and the
// empty text none at all; answers come from runtime/echo_model.h.
#pragma once

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "pipelines/text/embedding.h"
#include "runtime/echo_model.h"
#include "text/tokenizer.h"

namespace accel::pipelines {

constexpr int64_t kNumbers = 1000;

inline std::shared_ptr<const text::Tokenizer> number_tokenizer() {
  Json vocabulary{{"[UNK]", kNumbers}, {"far", 4294967295}, {"query:", kNumbers + 1}};
  for (int64_t i = 0; i < kNumbers; ++i) vocabulary[std::to_string(i)] = i;
  const Json json{
      {"version", "1.0"},
      {"added_tokens", Json::array()},
      {"normalizer", nullptr},
      {"pre_tokenizer", {{"type", "WhitespaceSplit"}}},
      {"post_processor", nullptr},
      {"decoder", nullptr},
      {"model", {{"type", "WordLevel"}, {"vocab", vocabulary}, {"unk_token", "[UNK]"}}}};
  auto tokenizer = text::Tokenizer::from_json(json.dump());
  if (!tokenizer.ok()) std::abort();
  return *tokenizer;
}

inline EmbeddingModel number_model() {
  return {.tokenizer = number_tokenizer(),
          .max_tokens = 64,
          .vocabulary = kNumbers + 2,
          .size = runtime::kEchoSize};
}

// The text whose tokens are `ids`.
inline std::string text_of(const std::vector<int64_t>& ids) {
  std::string text;
  for (const int64_t id : ids) text += std::to_string(id) + " ";
  return text;
}

inline std::vector<float> row_of(const Tensor& tensor, int64_t row) {
  const auto size = static_cast<size_t>(tensor.shape()[1]);
  const auto all = tensor.data<float>().subspan(static_cast<size_t>(row) * size, size);
  return {all.begin(), all.end()};
}

}  // namespace accel::pipelines
