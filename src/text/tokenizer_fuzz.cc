// Hostile tokenizer.json files and hostile texts: never a crash, a hang or unbounded memory.
//
// The first byte chooses: a file and a text, split at the first zero byte, or a text alone for a
// small fixed tokenizer of each kind of model.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/utf8.h"
#include "text/tokenizer.h"

namespace {

using accel::text::DecodeStream;
using accel::text::EncodeOptions;
using accel::text::Encoding;
using accel::text::Tokenizer;
using accel::text::TruncationSide;

constexpr std::string_view kWordPiece = R"({"version": "1.0",
  "added_tokens": [{"id": 2, "content": "[SEP]", "single_word": false, "lstrip": true,
    "rstrip": true, "normalized": false, "special": true}],
  "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
    "strip_accents": null, "lowercase": true},
  "pre_tokenizer": {"type": "BertPreTokenizer"},
  "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 2], "cls": ["[CLS]", 1]},
  "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true},
  "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
    "max_input_chars_per_word": 100,
    "vocab": {"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "a": 3, "##a": 4, "b": 5, "##b": 6}}})";

constexpr std::string_view kBpe = R"({"version": "1.0",
  "added_tokens": [{"id": 4, "content": "<s>", "single_word": true, "lstrip": false,
    "rstrip": false, "normalized": true, "special": true}],
  "normalizer": {"type": "Sequence", "normalizers": [{"type": "NFKC"},
    {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}, {"type": "Lowercase"}]},
  "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
    {"type": "Split", "behavior": "Isolated", "invert": false,
     "pattern": {"Regex": "(?i:'s|'t)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\s+(?!\\S)|\\s+"}},
    {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": false}]},
  "post_processor": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true,
    "use_regex": true},
  "decoder": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true,
    "use_regex": true},
  "model": {"type": "BPE", "unk_token": "u", "fuse_unk": true,
    "vocab": {"u": 0, "a": 1, "b": 2, "ab": 3, "<s>": 4, "Ġ": 5}, "merges": ["a b"]}})";

constexpr std::string_view kUnigram = R"({"version": "1.0", "added_tokens": [],
  "normalizer": {"type": "Sequence", "normalizers": [{"type": "Strip", "strip_left": true,
    "strip_right": true}, {"type": "NFD"}, {"type": "StripAccents"}]},
  "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always",
    "split": true},
  "post_processor": null,
  "decoder": {"type": "Sequence", "decoders": [{"type": "ByteFallback"}, {"type": "Metaspace",
    "replacement": "▁", "prepend_scheme": "always", "split": true}]},
  "model": {"type": "Unigram", "unk_id": 0, "byte_fallback": false,
    "vocab": [["<unk>", 0.0], ["▁", -1.0], ["a", -2.0], ["▁a", -2.5], ["aa", -3.0]]}})";

// A property that the fuzzer can find broken.
void require(bool condition) {
  if (!condition) std::abort();
}

void encode(const Tokenizer& tokenizer, std::string_view text, size_t max_length) {
  const bool valid = accel::find_invalid_utf8(text) == std::string_view::npos;
  auto whole = tokenizer.encode(text, {.add_special_tokens = false});
  require(valid || !whole.ok());
  for (const TruncationSide side : {TruncationSide::kRight, TruncationSide::kLeft}) {
    EncodeOptions options{.max_length = max_length, .side = side};
    auto fast = tokenizer.encode(text, options);
    options.offsets = options.tokens = true;
    auto detailed = tokenizer.encode(text, options);
    if (!fast.ok()) continue;
    require(max_length == 0 || fast->ids.size() <= max_length);
    require(!detailed.ok() || detailed->tokens.size() == detailed->ids.size());
    (void)tokenizer.decode(fast->ids);
    auto stream = DecodeStream::create(
        std::shared_ptr<const Tokenizer>(std::shared_ptr<const Tokenizer>(), &tokenizer));
    for (const int32_t id : fast->ids) (void)stream->push(id);
    (void)stream->finish();
  }
  (void)tokenizer.encode_pair({text, text.substr(text.size() / 2)}, {.max_length = max_length});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 2, size - 2);
  if (data[0] % 4 == 0) {
    const size_t split = input.find('\0');
    const auto tokenizer = Tokenizer::from_json(input.substr(0, split));
    if (!tokenizer.ok()) return 0;
    (void)(*tokenizer)->largest_id();
    encode(**tokenizer, split == std::string_view::npos ? "a b" : input.substr(split + 1), data[1]);
    return 0;
  }
  static const std::vector<std::shared_ptr<const Tokenizer>> fixed = {
      *Tokenizer::from_json(kWordPiece), *Tokenizer::from_json(kBpe),
      *Tokenizer::from_json(kUnigram)};
  encode(*fixed[data[0] % 4 - 1], input, data[1]);
  return 0;
}
