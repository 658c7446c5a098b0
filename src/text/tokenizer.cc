#include "text/tokenizer.h"

#include <limits>
#include <utility>

#include "base/try.h"
#include "text/rust_text.h"

namespace accel::text {
namespace {

struct EncodingsFree {
  void operator()(accel_textkit_encodings* encodings) const {
    accel_textkit_encodings_free(encodings);
  }
};
using Encodings = std::unique_ptr<accel_textkit_encodings, EncodingsFree>;

uint8_t side_of(TruncationSide side) {
  return side == TruncationSide::kLeft ? ACCEL_TEXTKIT_LEFT : ACCEL_TEXTKIT_RIGHT;
}

uint8_t strategy_of(TruncationStrategy strategy) {
  switch (strategy) {
    case TruncationStrategy::kLongestFirst: return ACCEL_TEXTKIT_LONGEST_FIRST;
    case TruncationStrategy::kOnlyFirst: return ACCEL_TEXTKIT_ONLY_FIRST;
    case TruncationStrategy::kOnlySecond: return ACCEL_TEXTKIT_ONLY_SECOND;
  }
  return ACCEL_TEXTKIT_LONGEST_FIRST;
}

uint8_t offsets_of(const EncodeOptions& options) {
  if (!options.offsets) return ACCEL_TEXTKIT_OFFSETS_NONE;
  return options.offset_unit == OffsetUnit::kBytes ? ACCEL_TEXTKIT_OFFSETS_BYTES
                                                   : ACCEL_TEXTKIT_OFFSETS_CODE_POINTS;
}

accel_textkit_encode_options options_of(const EncodeOptions& options) {
  accel_textkit_encode_options out{};
  out.max_length = options.max_length;
  out.add_special_tokens = options.add_special_tokens;
  out.truncation_side = side_of(options.side);
  out.truncation_strategy = strategy_of(options.strategy);
  out.offsets = offsets_of(options);
  out.tokens = options.tokens;
  if (options.padding) {
    const Padding& padding = *options.padding;
    out.pad = 1;
    out.pad_side = side_of(padding.side);
    out.pad_length = padding.length;
    out.pad_multiple_of = padding.multiple_of;
    out.pad_id = static_cast<uint32_t>(padding.id);
    out.pad_type_id = static_cast<uint32_t>(padding.type_id);
    out.pad_token = view_of(padding.token);
  }
  return out;
}

template <class To, class From>
std::vector<To> row_of(const From* values, size_t begin, size_t end) {
  return {values + begin, values + end};
}

Encoding encoding_of(const accel_textkit_encodings_view& from, size_t row) {
  const size_t begin = from.starts[row];
  const size_t end = from.starts[row + 1];
  Encoding to;
  to.ids = row_of<int32_t>(from.ids, begin, end);
  to.type_ids = row_of<int32_t>(from.type_ids, begin, end);
  to.attention_mask = row_of<uint8_t>(from.attention_mask, begin, end);
  to.special_tokens_mask = row_of<uint8_t>(from.special_tokens_mask, begin, end);
  to.sequences = row_of<int8_t>(from.sequences, begin, end);
  if (from.offsets != nullptr) {
    to.words = row_of<int32_t>(from.words, begin, end);
    to.offsets.reserve(end - begin);
    for (size_t i = begin; i < end; ++i) {
      to.offsets.push_back({from.offsets[2 * i], from.offsets[2 * i + 1]});
    }
  }
  if (from.token_ends != nullptr) {
    to.tokens.reserve(end - begin);
    for (size_t i = begin; i < end; ++i) {
      const size_t token_begin = i == 0 ? 0 : from.token_ends[i - 1];
      to.tokens.emplace_back(from.token_bytes + token_begin, from.token_ends[i] - token_begin);
    }
  }
  to.truncated = from.truncated[row] != 0;
  return to;
}

// `pairs` is empty for single texts.
Result<std::vector<Encoding>> encode_all(const accel_textkit_tokenizer* handle,
                                         std::span<const accel_textkit_view> texts,
                                         std::span<const accel_textkit_view> pairs,
                                         const EncodeOptions& options) {
  const accel_textkit_encode_options raw = options_of(options);
  accel_textkit_encodings* result = nullptr;
  RustText error;
  const int32_t code =
      accel_textkit_encode(handle, texts.data(), pairs.empty() ? nullptr : pairs.data(),
                           texts.size(), &raw, &result, error.out());
  ACCEL_TRY(status_of(code, error));
  const Encodings owner(result);
  accel_textkit_encodings_view view;
  accel_textkit_encodings_get(result, &view);
  std::vector<Encoding> encodings;
  encodings.reserve(view.count);
  for (size_t row = 0; row < view.count; ++row) encodings.push_back(encoding_of(view, row));
  return encodings;
}

Result<Encoding> only(Result<std::vector<Encoding>> encodings) {
  if (!encodings.ok()) return encodings.status();
  return std::move(encodings->front());
}

}  // namespace

Result<std::shared_ptr<const Tokenizer>> Tokenizer::from_json(std::string_view bytes) {
  accel_textkit_tokenizer* handle = nullptr;
  RustText error;
  ACCEL_TRY(status_of(accel_textkit_tokenizer_load(view_of(bytes), &handle, error.out()), error));
  return std::shared_ptr<const Tokenizer>(new Tokenizer(handle));
}

Tokenizer::Tokenizer(accel_textkit_tokenizer* handle) : handle_(handle) {
  const size_t count = accel_textkit_added_token_count(handle);
  added_tokens_.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    const accel_textkit_added_token token = accel_textkit_added_token_at(handle, i);
    added_tokens_.push_back({.id = static_cast<int32_t>(token.id),
                             .content = {token.content.data, token.content.size},
                             .special = token.special != 0,
                             .single_word = token.single_word != 0,
                             .lstrip = token.lstrip != 0,
                             .rstrip = token.rstrip != 0,
                             .normalized = token.normalized != 0});
  }
}

Tokenizer::~Tokenizer() { accel_textkit_tokenizer_free(handle_); }

Result<Encoding> Tokenizer::encode(std::string_view text, const EncodeOptions& options) const {
  const accel_textkit_view view = view_of(text);
  return only(encode_all(handle_, {&view, 1}, {}, options));
}

Result<Encoding> Tokenizer::encode_pair(TextPair pair, const EncodeOptions& options) const {
  const accel_textkit_view first = view_of(pair.first);
  const accel_textkit_view second = view_of(pair.second);
  return only(encode_all(handle_, {&first, 1}, {&second, 1}, options));
}

Result<std::vector<Encoding>> Tokenizer::encode_batch(std::span<const std::string_view> texts,
                                                      const EncodeOptions& options) const {
  std::vector<accel_textkit_view> views;
  views.reserve(texts.size());
  for (std::string_view text : texts) views.push_back(view_of(text));
  return encode_all(handle_, views, {}, options);
}

Result<std::vector<Encoding>> Tokenizer::encode_pair_batch(std::span<const TextPair> pairs,
                                                           const EncodeOptions& options) const {
  std::vector<accel_textkit_view> first;
  std::vector<accel_textkit_view> second;
  first.reserve(pairs.size());
  second.reserve(pairs.size());
  for (const TextPair& pair : pairs) {
    first.push_back(view_of(pair.first));
    second.push_back(view_of(pair.second));
  }
  return encode_all(handle_, first, second, options);
}

Result<std::string> Tokenizer::decode(std::span<const int32_t> ids,
                                      bool skip_special_tokens) const {
  // Negative ids become numbers that no vocabulary has.
  const std::vector<uint32_t> raw(ids.begin(), ids.end());
  RustText text;
  RustText error;
  const int32_t code = accel_textkit_decode(handle_, raw.data(), raw.size(), skip_special_tokens,
                                            text.out(), error.out());
  ACCEL_TRY(status_of(code, error));
  return text.to_string();
}

Result<std::string> Tokenizer::join(std::span<const std::string> tokens) const {
  std::vector<accel_textkit_view> views;
  views.reserve(tokens.size());
  for (const std::string& token : tokens) views.push_back(view_of(token));
  RustText text;
  RustText error;
  ACCEL_TRY(status_of(
      accel_textkit_join(handle_, views.data(), views.size(), text.out(), error.out()), error));
  return text.to_string();
}

size_t Tokenizer::vocabulary_size(bool with_added_tokens) const {
  return accel_textkit_vocabulary_size(handle_, with_added_tokens);
}

int64_t Tokenizer::largest_id() const { return accel_textkit_largest_id(handle_); }

std::optional<int32_t> Tokenizer::token_to_id(std::string_view token) const {
  const int64_t id = accel_textkit_token_to_id(handle_, view_of(token));
  if (id < 0 || id > std::numeric_limits<int32_t>::max()) return std::nullopt;
  return static_cast<int32_t>(id);
}

std::optional<std::string> Tokenizer::id_to_token(int32_t id) const {
  if (id < 0) return std::nullopt;
  RustText text;
  RustText error;
  const int32_t code =
      accel_textkit_id_to_token(handle_, static_cast<uint32_t>(id), text.out(), error.out());
  if (code != ACCEL_TEXTKIT_OK) return std::nullopt;
  return text.to_string();
}

size_t Tokenizer::special_tokens_added(bool pair) const {
  return accel_textkit_special_tokens_added(handle_, pair);
}

Result<DecodeStream> DecodeStream::create(std::shared_ptr<const Tokenizer> tokenizer,
                                          bool skip_special_tokens) {
  accel_textkit_stream* handle = nullptr;
  RustText error;
  const int32_t code =
      accel_textkit_stream_create(tokenizer->handle_, skip_special_tokens, &handle, error.out());
  ACCEL_TRY(status_of(code, error));
  return DecodeStream(handle);
}

DecodeStream::~DecodeStream() { accel_textkit_stream_free(handle_); }

DecodeStream::DecodeStream(DecodeStream&& other) noexcept
    : handle_(std::exchange(other.handle_, nullptr)) {}

DecodeStream& DecodeStream::operator=(DecodeStream&& other) noexcept {
  std::swap(handle_, other.handle_);
  return *this;
}

Result<std::string> DecodeStream::push(int32_t id) {
  RustText piece;
  RustText error;
  const int32_t code =
      accel_textkit_stream_push(handle_, static_cast<uint32_t>(id), piece.out(), error.out());
  ACCEL_TRY(status_of(code, error));
  return piece.to_string();
}

Result<std::string> DecodeStream::finish() {
  RustText piece;
  RustText error;
  const int32_t code = accel_textkit_stream_finish(handle_, piece.out(), error.out());
  ACCEL_TRY(status_of(code, error));
  return piece.to_string();
}

std::string_view library_versions() {
  const accel_textkit_view versions = accel_textkit_versions();
  return {versions.data, versions.size};
}

}  // namespace accel::text
