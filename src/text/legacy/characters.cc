// Tokens that are characters or bytes: what speech is spelled with, and ByT5.
#include <fmt/format.h>

#include <algorithm>

#include "base/try.h"
#include "text/case.h"
#include "text/legacy/legacy_tokenizers.h"
#include "text/legacy/sentencepiece_parts.h"

namespace accel::text {
namespace {

AddedText stripped(std::string content, bool special) {
  return {.content = std::move(content), .lstrip = true, .rstrip = true, .special = special};
}

size_t characters(std::string_view text) { return characters_of(text).size(); }

// The capital letters of the vocabulary, and pairs of them, with the small ones they stand for.
Result<std::vector<std::pair<std::string, std::string>>> letters(const Vocabulary& ids) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const auto& [token, id] : ids) {
    if (characters(token) != 1) continue;
    ACCEL_ASSIGN(std::string small, to_lower(token));
    if (small != token && characters(small) == 1) pairs.emplace_back(token, std::move(small));
  }
  std::ranges::sort(pairs);
  // Small letters whose capitals are two (Unicode's SpecialCasing.txt, the Latin ones).
  for (const auto& [small, capitals] : {std::pair{"ß", "SS"},
                                        {"ﬀ", "FF"},
                                        {"ﬁ", "FI"},
                                        {"ﬂ", "FL"},
                                        {"ﬃ", "FFI"},
                                        {"ﬄ", "FFL"},
                                        {"ﬅ", "ST"},
                                        {"ﬆ", "ST"}}) {
    pairs.emplace_back(capitals, small);
  }
  return pairs;
}

// The printable character that stands for a byte in a byte-level vocabulary (GPT-2's
// bytes_to_unicode).
std::string printable(int byte) {
  const auto shown = [](int each) {
    return (each >= '!' && each <= '~') || (each >= 0xA1 && each <= 0xAC) || each >= 0xAE;
  };
  int code = byte;
  if (!shown(byte)) {
    code = 256;
    for (int before = 0; before < byte; ++before) code += shown(before) ? 0 : 1;
  }
  if (code < 0x80) return {static_cast<char>(code)};
  return {static_cast<char>(0xC0 | code >> 6), static_cast<char>(0x80 | (code & 0x3F))};
}

}  // namespace

// wav2vec 2.0 and its like: a letter per token and "|" between words; decoding joins what repeats
// and drops the blank, which is the padding (Graves et al., ICML 2006).
Result<TokenizerParts> ctc_tokenizer(LegacyFiles& files) {
  TokenizerParts parts;
  ACCEL_ASSIGN(parts.ids, files.vocabulary_of_json("vocab.json"));
  const std::array<Role, 4> roles{{{"bos_token", stripped("<s>", true)},
                                   {"eos_token", stripped("</s>", true)},
                                   {"unk_token", stripped("<unk>", true)},
                                   {"pad_token", stripped("<pad>", true)}}};
  const std::string delimiter = files.text("word_delimiter_token", "|");
  parts.model = {{"type", "WordLevel"},
                 {"vocab", parts.ids},
                 {"unk_token", special_text(files, roles, "unk_token")}};
  std::vector<Json> normalizing;
  std::vector<Json> decoding{{{"type", "CTC"},
                              {"pad_token", special_text(files, roles, "pad_token")},
                              {"word_delimiter_token", delimiter},
                              {"cleanup", false}},
                             replace(delimiter, " ")};
  if (files.flag("do_lower_case", false)) {
    ACCEL_ASSIGN(const auto pairs, letters(parts.ids));
    for (const auto& [capital, small] : pairs) {
      normalizing.push_back(replace(small, capital));
      if (characters(capital) == 1) decoding.push_back(replace(capital, small));
    }
  }
  normalizing.push_back(replace(" ", delimiter));
  add_strip(decoding);
  parts.normalizer = sequence("normalizers", std::move(normalizing));
  parts.decoder = sequence("decoders", std::move(decoding));
  parts.pre_tokenizer = {{"type", "Split"},
                         {"pattern", {{"Regex", "[\\s\\S]"}}},
                         {"behavior", "Isolated"},
                         {"invert", false}};
  add_tokens(files, roles, parts);
  std::vector<std::string> words;
  for (const auto& [token, id] : parts.ids) {
    if (characters(token) > 1 && parts.added.find(token) == nullptr) words.push_back(token);
  }
  std::ranges::sort(words);
  for (std::string& word : words) parts.added.add(stripped(std::move(word), false));
  return parts;
}

// A byte is its value plus 3 (Xue et al., arXiv:2105.13626). It needs no file.
Result<TokenizerParts> byt5_tokenizer(LegacyFiles& files) {
  constexpr int64_t kMostExtra = 100'000;
  TokenizerParts parts;
  const std::array<Role, 3> roles{{{"eos_token", stripped("</s>", true)},
                                   {"unk_token", stripped("<unk>", true)},
                                   {"pad_token", stripped("<pad>", true)}}};
  parts.ids = {{special_text(files, roles, "pad_token"), 0},
               {special_text(files, roles, "eos_token"), 1},
               {special_text(files, roles, "unk_token"), 2}};
  for (int byte = 0; byte < 256; ++byte) parts.ids.emplace(printable(byte), byte + 3);
  parts.model = byte_pairs(parts.ids, {});
  parts.pre_tokenizer = byte_level(false, true, false);
  parts.decoder = byte_level(false);
  add_tokens(files, roles, parts);
  const int64_t extra = files.number("extra_ids", 125);
  if (extra < 0 || extra > kMostExtra) {
    return invalid_argument(
        fmt::format("extra_ids: expected 0 to {}, found {}", kMostExtra, extra));
  }
  for (int64_t i = 0; i < extra; ++i) parts.added.add({fmt::format("<extra_id_{}>", i)});
  const std::string end = special_text(files, roles, "eos_token");
  const std::array<Slot, 4> slots{{{"$A", 0}, {end, 0}, {"$B", 0}, {end, 0}}};
  ACCEL_ASSIGN(parts.post_processor, template_processing(parts, std::span(slots).first(2), slots));
  return parts;
}

}  // namespace accel::text
