// spiece.model, spm.model, sentencepiece.bpe.model: unigram language models of SentencePiece (Kudo,
// arXiv:1804.10959).
#include <fmt/format.h>

#include <cctype>

#include "base/try.h"
#include "text/legacy/legacy_tokenizers.h"
#include "text/legacy/sentencepiece_parts.h"

namespace accel::text {
namespace {

constexpr std::array<const char*, 25> kMbartLanguages{
    "ar_AR", "cs_CZ", "de_DE", "en_XX", "es_XX", "et_EE", "fi_FI", "fr_XX", "gu_IN",
    "hi_IN", "it_IT", "ja_XX", "kk_KZ", "ko_KR", "lt_LT", "lv_LV", "my_MM", "ne_NP",
    "nl_XX", "ro_RO", "ru_RU", "si_LK", "tr_TR", "vi_VN", "zh_CN"};

void split_at_spaces(TokenizerParts& parts, std::string_view prepend_scheme = "always") {
  parts.pre_tokenizer = metaspace(prepend_scheme);
  parts.decoder = metaspace(prepend_scheme);
}

std::array<Role, 7> fairseq_roles() {
  return {{{"bos_token", {"<s>"}},
           {"eos_token", {"</s>"}},
           {"unk_token", {"<unk>"}},
           {"sep_token", {"</s>"}},
           {"pad_token", {"<pad>"}},
           {"cls_token", {"<s>"}},
           {"mask_token", {.content = "<mask>", .lstrip = true}}}};
}

// `pieces`, the file's from number `from` on, `last` and the mask; in RoBERTa's template.
Result<TokenizerParts> fairseq_tokenizer(LegacyFiles& files, ScoredPieces pieces, size_t from,
                                         std::span<const char* const> last = {}) {
  ACCEL_ASSIGN(const SentencePieceModel model, files.sentencepiece("sentencepiece.bpe.model"));
  for (size_t i = from; i < model.pieces.size(); ++i) {
    pieces.emplace_back(model.pieces[i].text, model.pieces[i].score);
  }
  for (const char* piece : last) pieces.emplace_back(piece, 0);
  pieces.emplace_back("<mask>", 0);
  TokenizerParts parts = piece_parts(model, std::move(pieces), 3);
  split_at_spaces(parts);
  parts.normalizer = usual_normalizer(model);
  add_tokens(files, fairseq_roles(), parts);
  ACCEL_ASSIGN(parts.post_processor, roberta_template(parts, "<s>", "</s>"));
  return parts;
}

std::array<Role, 7> bert_roles(const AddedText& unknown, const AddedText& padding,
                               bool mask_lstrip) {
  return {{{"bos_token", {"[CLS]"}},
           {"eos_token", {"[SEP]"}},
           {"unk_token", unknown},
           {"sep_token", {"[SEP]"}},
           {"pad_token", padding},
           {"cls_token", {"[CLS]"}},
           {"mask_token", {.content = "[MASK]", .lstrip = mask_lstrip}}}};
}

Json step(const char* type) { return {{"type", type}}; }

// "1," and the like are not to be pieces: numbers are split at their commas.
bool ends_in_number_and_comma(std::string_view piece) {
  return piece.size() >= 2 && piece.back() == ',' &&
         std::isdigit(static_cast<unsigned char>(piece[piece.size() - 2])) != 0;
}

}  // namespace

Result<TokenizerParts> albert_tokenizer(LegacyFiles& files) {
  ACCEL_ASSIGN(const SentencePieceModel model, files.sentencepiece("spiece.model"));
  ScoredPieces pieces = scored(model);
  for (auto& [piece, score] : pieces) {
    if (ends_in_number_and_comma(piece)) score -= 100;
  }
  TokenizerParts parts = piece_parts(model, std::move(pieces), model.unknown_id);
  split_at_spaces(parts);
  std::vector<Json> steps{replace("``", "\""), replace("''", "\"")};
  if (!files.flag("keep_accents", false)) {
    steps.push_back(step("NFKD"));
    steps.push_back(step("StripAccents"));
  }
  if (files.flag("do_lower_case", true)) steps.push_back(step("Lowercase"));
  add_charsmap(model, steps);
  steps.push_back(replace_pattern(" {2,}", " "));
  parts.normalizer = sequence("normalizers", std::move(steps));
  const auto roles = bert_roles({"<unk>"}, {"<pad>"}, true);
  add_tokens(files, roles, parts);
  ACCEL_ASSIGN(parts.post_processor, bert_template(parts, "[CLS]", "[SEP]"));
  return parts;
}

Result<TokenizerParts> deberta_v2_tokenizer(LegacyFiles& files) {
  ACCEL_ASSIGN(const SentencePieceModel model, files.sentencepiece("spm.model"));
  TokenizerParts parts = piece_parts(model, scored(model), model.unknown_id);
  std::vector<Json> splits;
  if (files.flag("split_by_punct", false)) {
    splits.push_back({{"type", "Punctuation"}, {"behavior", "Isolated"}});
  }
  splits.push_back(metaspace("always"));
  parts.pre_tokenizer = sequence("pretokenizers", std::move(splits));
  parts.decoder = metaspace("always");
  std::vector<Json> steps;
  if (files.flag("do_lower_case", false)) steps.push_back(step("Lowercase"));
  steps.push_back({{"type", "Strip"}, {"strip_left", true}, {"strip_right", true}});
  add_charsmap(model, steps);
  steps.push_back(replace_pattern(" {2,}", " "));
  parts.normalizer = sequence("normalizers", std::move(steps));
  const auto roles = bert_roles({.content = "[UNK]", .normalized = true}, {"[PAD]"}, false);
  add_tokens(files, roles, parts);
  ACCEL_ASSIGN(parts.post_processor, bert_template(parts, "[CLS]", "[SEP]"));
  return parts;
}

// Its own <s> and </s> stand behind four numbers that fairseq gave them and that nothing uses.
Result<TokenizerParts> camembert_tokenizer(LegacyFiles& files) {
  return fairseq_tokenizer(
      files,
      {{"<s>NOTUSED", 0}, {"<pad>", 0}, {"</s>NOTUSED", 0}, {"<unk>", 0}, {"<unk>NOTUSED", -100}},
      1);
}

Result<TokenizerParts> xlm_roberta_tokenizer(LegacyFiles& files) {
  return fairseq_tokenizer(files, {{"<s>", 0}, {"<pad>", 0}, {"</s>", 0}, {"<unk>", 0}}, 3);
}

// A text ends in </s> and the code of its language (Liu et al., arXiv:2001.08210).
Result<TokenizerParts> mbart_tokenizer(LegacyFiles& files) {
  ACCEL_ASSIGN(TokenizerParts parts,
               fairseq_tokenizer(files, {{"<s>", 0}, {"<pad>", 0}, {"</s>", 0}, {"<unk>", 0}}, 3,
                                 kMbartLanguages));
  for (const char* language : kMbartLanguages) parts.added.add({language});
  const std::string language = files.text("src_lang", "en_XX");
  const std::array<Slot, 4> pair{{{"$A", 0}, {"$B", 0}, {"</s>", 0}, {language, 0}}};
  const std::array<Slot, 3> single{{{"$A", 0}, {"</s>", 0}, {language, 0}}};
  ACCEL_ASSIGN(parts.post_processor, template_processing(parts, single, pair));
  return parts;
}

// T5 and mT5: "extra_ids" sentinels behind the file's pieces, the last one first (Raffel et al.,
// arXiv:1910.10683).
Result<TokenizerParts> t5_tokenizer(LegacyFiles& files) {
  constexpr int64_t kMostExtra = 100'000;
  ACCEL_ASSIGN(const SentencePieceModel model, files.sentencepiece("spiece.model"));
  ScoredPieces pieces = scored(model);
  const int64_t extra = files.number("extra_ids", 100);
  if (extra < 0 || extra > kMostExtra) {
    return invalid_argument(
        fmt::format("extra_ids: expected 0 to {}, found {}", kMostExtra, extra));
  }
  for (int64_t i = extra - 1; i >= 0; --i) {
    pieces.emplace_back(fmt::format("<extra_id_{}>", i), 0);
  }
  TokenizerParts parts = piece_parts(model, std::move(pieces), model.unknown_id);
  const bool legacy = files.flag("legacy", true);
  const bool space = files.flag("add_prefix_space", true);
  split_at_spaces(parts, !space ? "never" : legacy ? "always" : "first");
  parts.normalizer = usual_normalizer(model);
  const std::array<Role, 3> roles{
      {{"eos_token", {"</s>"}}, {"unk_token", {"<unk>"}}, {"pad_token", {"<pad>"}}}};
  add_tokens(files, roles, parts);
  for (int64_t i = 0; i < extra; ++i) parts.added.add({fmt::format("<extra_id_{}>", i)});
  const std::array<Slot, 4> slots{{{"$A", 0}, {"</s>", 0}, {"$B", 0}, {"</s>", 0}}};
  ACCEL_ASSIGN(parts.post_processor, template_processing(parts, std::span(slots).first(2), slots));
  return parts;
}

// Lower case, no punctuation, single spaces (Zhai et al., arXiv:2303.15343; big_vision's
// canonicalize_text).
Result<TokenizerParts> siglip_tokenizer(LegacyFiles& files) {
  ACCEL_ASSIGN(const SentencePieceModel model, files.sentencepiece("spiece.model"));
  TokenizerParts parts = piece_parts(model, scored(model), model.unknown_id);
  parts.added.clear();  // this class looks for no control pieces in texts
  parts.pre_tokenizer = metaspace("never");
  std::vector<Json> decoding{metaspace("always")};
  add_strip(decoding);
  parts.decoder = sequence("decoders", std::move(decoding));
  std::vector<Json> steps;
  if (files.flag("do_lower_case", true)) steps.push_back(step("Lowercase"));
  steps.push_back(replace("▁", " "));
  steps.push_back({{"type", "Prepend"}, {"prepend", "▁"}});  // before spaces too
  steps.push_back(replace_pattern(R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~])", ""));
  steps.push_back(replace_pattern("\\s+", " "));
  steps.push_back({{"type", "Strip"}, {"strip_left", false}, {"strip_right", true}});
  steps.push_back(replace_pattern(R"(\A▁\z)", ""));
  add_charsmap(model, steps);
  parts.normalizer = sequence("normalizers", std::move(steps));
  const auto token = [](const char* content) {
    return AddedText{.content = content, .lstrip = true, .rstrip = true};
  };
  const std::array<Role, 3> roles{
      {{"eos_token", token("</s>")}, {"unk_token", token("<unk>")}, {"pad_token", token("</s>")}}};
  add_tokens(files, roles, parts);
  const std::array<Slot, 4> slots{{{"$A", 0}, {"</s>", 0}, {"$B", 0}, {"</s>", 0}}};
  ACCEL_ASSIGN(parts.post_processor, template_processing(parts, std::span(slots).first(2), slots));
  return parts;
}

}  // namespace accel::text
