// Tokenizers of Hugging Face's tokenizer.json: text to ids and back, with the ids of the reference
// library (the same Rust code runs inside, see rust/textkit).
//
//   ACCEL_ASSIGN(auto tokenizer, Tokenizer::from_json(bytes));
//   ACCEL_ASSIGN(Encoding encoding, tokenizer->encode("Hello world", {.max_length = 256}));
//   use(encoding.ids);
//
// Padding and truncation stored in the file are ignored: both are the caller's, in EncodeOptions.
//
// All text must be valid UTF-8 (repair it first with base/utf8.h); otherwise INVALID_ARGUMENT. Zero
// bytes are ordinary characters, and the empty text is a text.
//
// Nothing here starts threads; each call works on the caller's. For speed, call from several.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "accel/status.h"

struct accel_textkit_tokenizer;
struct accel_textkit_stream;

namespace accel::text {

enum class TruncationSide : uint8_t { kRight, kLeft };  // the end that loses tokens

// Which text of a pair loses tokens. Only kLongestFirst matters for single texts.
enum class TruncationStrategy : uint8_t {
  kLongestFirst,  // the longer one until both are equal, then both
  kOnlyFirst,     // INVALID_ARGUMENT when the other one alone leaves no room
  kOnlySecond,
};

enum class OffsetUnit : uint8_t { kCodePoints, kBytes };

// Padding of a whole call: every encoding gets the same length.
struct Padding {
  size_t length = 0;       // at least this; 0 = the longest encoding of the call
  size_t multiple_of = 1;  // then rounded up
  TruncationSide side = TruncationSide::kRight;  // where the padding goes
  int32_t id = 0;
  int32_t type_id = 0;
  std::string token = "[PAD]";  // shown in Encoding::tokens only
};

struct EncodeOptions {
  bool add_special_tokens = true;  // what the model's template adds: [CLS], </s> ...
  size_t max_length = 0;           // tokens including the special ones; 0 = no limit
  TruncationSide side = TruncationSide::kRight;
  TruncationStrategy strategy = TruncationStrategy::kLongestFirst;
  bool offsets = false;  // fills Encoding::offsets and words; slower
  OffsetUnit offset_unit = OffsetUnit::kCodePoints;
  bool tokens = false;  // fills Encoding::tokens; slower
  std::optional<Padding> padding = std::nullopt;
};

// Where a token stands in its text: [begin, end). Added special tokens have 0, 0.
struct Offset {
  uint32_t begin = 0;
  uint32_t end = 0;
  bool operator==(const Offset&) const = default;
};

// One encoded text or pair. All filled vectors are equally long.
struct Encoding {
  std::vector<int32_t> ids;
  std::vector<int32_t> type_ids;
  std::vector<uint8_t> attention_mask;       // 0 for padding, else 1
  std::vector<uint8_t> special_tokens_mask;  // 1 for what the template or the padding added
  std::vector<int8_t> sequences;             // 0 first text, 1 second, -1 added
  std::vector<Offset> offsets;               // only with EncodeOptions::offsets
  std::vector<int32_t> words;                // same: number of the pre-token, -1 added
  std::vector<std::string> tokens;           // only with EncodeOptions::tokens
  bool truncated = false;                    // tokens were dropped to respect max_length
};

// A pair of texts: question and context, query and document, premise and hypothesis.
struct TextPair {
  std::string_view first;
  std::string_view second;
};

// An entry of "added_tokens". `content` lives as long as its tokenizer.
struct AddedToken {
  int32_t id = 0;
  std::string_view content;
  bool special = false;  // left out by decode() with skip_special_tokens
  bool single_word = false;
  bool lstrip = false;
  bool rstrip = false;
  bool normalized = false;
};

// Immutable: any number of threads may call all members at the same time.
class Tokenizer {
 public:
  // Parses the content of a tokenizer.json. INVALID_ARGUMENT with the parser's reason when it is
  // none; RESOURCE_EXHAUSTED when it is unreasonably large (over 256 MiB).
  static Result<std::shared_ptr<const Tokenizer>> from_json(std::string_view bytes);

  ~Tokenizer();
  Tokenizer(const Tokenizer&) = delete;
  Tokenizer& operator=(const Tokenizer&) = delete;

  // INVALID_ARGUMENT for invalid UTF-8, or when max_length is below the number of special tokens.
  //
  // With max_length, only the needed part of a long text is tokenized: the cost depends on the
  // limit, not on the text, and the kept tokens are those of the whole text. Only text that is no
  // language is treated otherwise: when 1 MiB (or 256 bytes per token of the limit, if that is
  // more) holds fewer tokens than the limit, the rest is not looked at, and `truncated` is set.
  Result<Encoding> encode(std::string_view text, const EncodeOptions& options = {}) const;
  Result<Encoding> encode_pair(TextPair pair, const EncodeOptions& options = {}) const;

  // One encoding per text, in order. An error names the text's index; no partial result.
  Result<std::vector<Encoding>> encode_batch(std::span<const std::string_view> texts,
                                             const EncodeOptions& options = {}) const;
  Result<std::vector<Encoding>> encode_pair_batch(std::span<const TextPair> pairs,
                                                  const EncodeOptions& options = {}) const;

  // Ids that no token has (negative ones too) are skipped, as the reference library does.
  Result<std::string> decode(std::span<const int32_t> ids, bool skip_special_tokens = true) const;

  // The text that tokens make together, as decode() would of their ids; they need have none.
  Result<std::string> join(std::span<const std::string> tokens) const;

  // Number of distinct tokens; the model's own, or with the added ones.
  size_t vocabulary_size(bool with_added_tokens = true) const;
  // The largest id that any token has, added ones included; -1 for an empty vocabulary. A model's
  // embedding needs more rows than this.
  int64_t largest_id() const;
  std::optional<int32_t> token_to_id(std::string_view token) const;
  std::optional<std::string> id_to_token(int32_t id) const;
  const std::vector<AddedToken>& added_tokens() const { return added_tokens_; }  // by id
  // How many special tokens a single text or a pair is given.
  size_t special_tokens_added(bool pair) const;

 private:
  friend class DecodeStream;
  explicit Tokenizer(accel_textkit_tokenizer* handle);
  accel_textkit_tokenizer* handle_;
  std::vector<AddedToken> added_tokens_;
};

// Decodes ids one by one, as a generating model gives them, and hands out text as soon as it is
// certain: half a character or a space that the next token may swallow is held back.
//
// The pieces joined, with finish(), equal decode() of all ids. Exceptions lie in decoders that
// rewrite text already handed out: WordPiece's clean-up of spaces ("do n't"), and byte-fallback
// vocabularies when a valid character is followed directly by an invalid byte.
//
// One owner, one thread at a time. Keeps its tokenizer alive.
class DecodeStream {
 public:
  static Result<DecodeStream> create(std::shared_ptr<const Tokenizer> tokenizer,
                                     bool skip_special_tokens = true);
  ~DecodeStream();
  DecodeStream(DecodeStream&& other) noexcept;
  DecodeStream& operator=(DecodeStream&& other) noexcept;

  // The text that `id` completes; may be empty.
  Result<std::string> push(int32_t id);
  // What is still held back. The stream is then as new.
  Result<std::string> finish();

 private:
  explicit DecodeStream(accel_textkit_stream* handle) : handle_(handle) {}
  accel_textkit_stream* handle_;
};

// "tokenizers 0.23.2, minijinja 2.24.0": the libraries inside.
std::string_view library_versions();

}  // namespace accel::text
