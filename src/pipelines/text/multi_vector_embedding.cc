// multi-vector-embedding: a vector per token, for late interaction (ColBERT, Khattab and Zaharia,
// arXiv:2004.12832). Queries and documents are marked, cut and filled up in different ways.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/try.h"
#include "pipelines/text/text_tasks.h"
#include "pipelines/text/token_rows.h"

namespace accel::pipelines {
namespace {

constexpr std::string_view kQueryRole = "query";
constexpr std::string_view kDocumentRole = "document";

// A text as the model reads it, and which of its tokens have a vector in the answer.
struct MarkedText {
  text::Encoding encoding;
  std::vector<bool> kept;
};

void insert_marker(text::Encoding& encoding, int32_t id) {
  const auto put = [](auto& list, auto value) {
    list.insert(list.begin() + std::min<std::ptrdiff_t>(1, std::ssize(list)), value);
  };
  put(encoding.ids, id);
  put(encoding.attention_mask, uint8_t{1});
}

Result<MarkedText> mark(const TaskModel& model, std::string_view text, bool query) {
  const LateInteraction& late = *model.late;
  const std::optional<int32_t> marker = query ? late.query_id : late.document_id;
  int64_t most = query ? late.query_tokens : late.document_tokens;
  if (model.max_tokens > 0) most = std::min(most, model.max_tokens);
  const auto room = static_cast<size_t>(std::max<int64_t>(most - (marker ? 1 : 0), 1));
  text::EncodeOptions options{.max_length = room};
  const bool expands = query && late.expands;
  if (expands) options.padding = text::Padding{.length = room, .id = late.expansion_id};
  MarkedText marked;
  ACCEL_ASSIGN(marked.encoding, model.tokenizer->encode(text, options));
  text::Encoding& encoding = marked.encoding;
  if (marker) insert_marker(encoding, *marker);
  ACCEL_TRY(check_ids(*model.tokenizer, model.vocabulary, encoding.ids));
  if (query && late.attends) std::ranges::fill(encoding.attention_mask, uint8_t{1});
  for (const int32_t id : encoding.ids) {
    marked.kept.push_back(query || std::ranges::find(late.skipped, id) == late.skipped.end());
  }
  return marked;
}

// The vectors [tokens, size] of those that are kept.
Tensor kept_vectors(const Tensor& vectors, const std::vector<bool>& kept) {
  const int64_t size = vectors.shape().back();
  const size_t stride = static_cast<size_t>(size) * sizeof(float);
  Tensor result = Tensor::allocate(DType::kF32, {std::ranges::count(kept, true), size});
  std::byte* out = result.mutable_data();
  for (size_t i = 0; i < kept.size(); ++i) {
    if (!kept[i]) continue;
    std::memcpy(out, vectors.bytes().data() + i * stride, stride);
    out += stride;
  }
  return result;
}

}  // namespace

Result<Prepared> prepare_multi_vector_embedding(const TaskModel& model, const TaskInput& input,
                                                const TaskOptions& options) {
  if (!model.late) {
    return failed_precondition(
        "multi-vector-embedding: expected a folder with dense layers on its tokens (modules.json), "
        "as PyLate saves it, or one of ColBERT's; found neither");
  }
  const std::string_view role = options.prompt ? std::string_view(*options.prompt) : kDocumentRole;
  if (role != kQueryRole && role != kDocumentRole) {
    return invalid_argument(fmt::format("prompt: expected {} or {} (the default), found '{}'",
                                        kQueryRole, kDocumentRole, role));
  }
  ACCEL_ASSIGN(MarkedText marked, mark(model, input.text, role == kQueryRole));
  Prepared prepared;
  prepared.rows.push_back(id_row(marked.encoding.ids, marked.encoding.attention_mask));
  prepared.finish = [kept = std::move(marked.kept), truncated = marked.encoding.truncated](
                        std::span<const NamedTensors> outputs) -> Result<TaskResult> {
    const Tensor& vectors = outputs[0].front().tensor;
    return TaskResult{.answer = Features{kept_vectors(vectors, kept)}, .truncated = truncated};
  };
  return prepared;
}

}  // namespace accel::pipelines
