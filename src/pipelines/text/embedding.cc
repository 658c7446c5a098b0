#include "pipelines/text/embedding.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "base/try.h"
#include "base/utf8.h"
#include "pipelines/text/token_rows.h"
#include "text/case.h"

namespace accel::pipelines {
namespace {

constexpr float kLeastLength = 1e-12F;  // as torch.nn.functional.normalize

}  // namespace

void finish_row(std::span<const float> row, const RowFinish& finish, float* out) {
  const bool cut = finish.dimensions > 0 && finish.dimensions < static_cast<int64_t>(row.size());
  if (!cut && !finish.whole) {
    std::ranges::copy(row, out);
    return;
  }
  const auto kept = cut ? row.first(static_cast<size_t>(finish.dimensions)) : row;
  float scale = 1.0F;
  if (finish.normalize) {
    double sum = 0;
    for (const float x : kept) sum += double{x} * x;
    scale = 1.0F / std::max(static_cast<float>(std::sqrt(sum)), kLeastLength);
  }
  for (const float x : kept) *out++ = x * scale;
}

Result<std::string> find_prompt(const EmbeddingModel& model, const std::string& name) {
  const std::string& wanted = name.empty() ? model.default_prompt : name;
  if (wanted.empty()) return std::string();
  const auto it = model.prompts.find(wanted);
  if (it != model.prompts.end()) return it->second;
  std::vector<std::string> names;
  for (const auto& [key, text] : model.prompts) names.push_back(key);
  return not_found(fmt::format("the model has no prompt '{}'; its prompts: {}", wanted,
                               names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", "))));
}

Result<TokenizedText> prepare(const EmbeddingModel& model, std::string_view prompt,
                              std::string_view text, bool strict) {
  TokenizedText result;
  std::string changed;  // the text's own copy, only when it has to differ
  if (const size_t at = find_invalid_utf8(text); at != std::string_view::npos) {
    if (strict) {
      return Status(StatusCode::kInvalidArgument,
                    fmt::format("expected UTF-8, found an invalid sequence at byte {}; leave out "
                                "--strict to have it replaced",
                                at),
                    at);
    }
    Utf8Repair repair = repair_utf8(text);
    result.replaced_utf8 = static_cast<uint32_t>(repair.replaced);
    changed = std::move(repair.text);
    text = changed;
  }
  if (!prompt.empty()) {
    changed = std::string(prompt) + std::string(text);
    text = changed;
  }
  if (model.lower_case) {
    ACCEL_ASSIGN(changed, text::to_lower(text));
    text = changed;
  }
  ACCEL_ASSIGN(
      text::Encoding encoding,
      model.tokenizer->encode(text, {.max_length = static_cast<size_t>(model.max_tokens)}));
  ACCEL_TRY(check_ids(*model.tokenizer, model.vocabulary, encoding.ids));
  result.ids = std::move(encoding.ids);
  result.truncated = encoding.truncated;
  return result;
}

runtime::Row row_of(const TokenizedText& text) {
  return id_row(text.ids, std::vector<uint8_t>(text.ids.size(), 1));
}

runtime::ContentFacts facts_of(const TokenizedText& text, int64_t rows) {
  const auto tokens = std::ssize(text.ids);
  constexpr int64_t kBytesOfToken = 2 * sizeof(int64_t);  // input_ids and attention_mask
  return {.tokens = tokens, .rows = rows, .bytes = tokens * kBytesOfToken, .modality = "text"};
}

std::vector<std::vector<uint32_t>> texts_by_route(const runtime::ContentRoutes& routes,
                                                  std::span<const TokenizedText> texts,
                                                  int64_t rows) {
  std::vector<std::vector<uint32_t>> places(routes.masks.size());
  for (uint32_t i = 0; i < texts.size(); ++i) {
    places[routes.route_of(facts_of(texts[i], rows))].push_back(i);
  }
  return places;
}

runtime::TokenBatches cut_texts(std::span<const uint32_t> places, std::span<const int32_t> lengths,
                                const runtime::BatchLimits& limits) {
  if (places.empty()) return {};
  std::vector<int32_t> chosen;
  for (const uint32_t place : places) chosen.push_back(lengths[place]);
  runtime::TokenBatches cut = runtime::cut_token_batches(chosen, limits);
  for (runtime::TokenBatch& batch : cut.batches) {
    for (uint32_t& item : batch.items) item = places[item];
  }
  return cut;
}

Status run_embedding_batch(backend::Session& session, const EmbeddingBatch& batch,
                           const RowFinish& finish) {
  const auto count = static_cast<int64_t>(batch.texts.size());
  Tensor ids = Tensor::allocate(DType::kI64, {count, batch.length});
  Tensor mask = Tensor::allocate(DType::kI64, {count, batch.length});
  auto* id_row = reinterpret_cast<int64_t*>(ids.mutable_data());
  auto* mask_row = reinterpret_cast<int64_t*>(mask.mutable_data());
  for (const TokenizedText* text : batch.texts) {
    std::ranges::copy(text->ids, id_row);
    std::fill_n(mask_row, text->ids.size(), 1);
    id_row += batch.length;
    mask_row += batch.length;
  }
  NamedTensors outputs;
  ACCEL_TRY(session.run({{"input_ids", ids}, {"attention_mask", mask}}, outputs));
  const Tensor& embeddings = outputs.front().tensor;
  const auto size = static_cast<size_t>(embeddings.shape().back());
  for (size_t i = 0; i < batch.texts.size(); ++i) {
    finish_row(embeddings.data<float>().subspan(i * size, size), finish, batch.rows[i]);
  }
  return {};
}

}  // namespace accel::pipelines
