// vocab.txt: WordPiece (Wu et al., arXiv:1609.08144) behind BERT's splitting of words.
#include "base/try.h"
#include "text/legacy/legacy_tokenizers.h"

namespace accel::text {
namespace {

Json strip_accents(LegacyFiles& files) {
  const std::optional<bool> strip = files.flag("strip_accents");
  return strip ? Json(*strip) : Json();  // null: as the lower case
}

Result<TokenizerParts> word_piece(LegacyFiles& files, std::span<const Role> roles) {
  TokenizerParts parts;
  ACCEL_ASSIGN(parts.ids, files.vocabulary_of_lines("vocab.txt"));
  parts.model = {{"type", "WordPiece"},
                 {"unk_token", special_text(files, roles, "unk_token")},
                 {"continuing_subword_prefix", "##"},
                 {"max_input_chars_per_word", 100},
                 {"vocab", parts.ids}};
  const bool basic = files.flag("do_basic_tokenize", true);
  const bool chinese = files.flag("tokenize_chinese_chars", true);
  const bool lower = files.flag("do_lower_case", true);
  parts.normalizer = {{"type", "BertNormalizer"},
                      {"clean_text", true},
                      {"handle_chinese_chars", basic && chinese},
                      {"strip_accents", basic ? strip_accents(files) : Json(false)},
                      {"lowercase", basic && lower}};
  parts.pre_tokenizer = {{"type", "BertPreTokenizer"}};
  parts.decoder = {{"type", "WordPiece"}, {"prefix", "##"}, {"cleanup", true}};
  add_tokens(files, roles, parts);
  return parts;
}

}  // namespace

Result<TokenizerParts> bert_tokenizer(LegacyFiles& files) {
  const std::array<Role, 5> roles{{{"unk_token", {"[UNK]"}},
                                   {"sep_token", {"[SEP]"}},
                                   {"pad_token", {"[PAD]"}},
                                   {"cls_token", {"[CLS]"}},
                                   {"mask_token", {"[MASK]"}}}};
  ACCEL_ASSIGN(TokenizerParts parts, word_piece(files, roles));
  ACCEL_ASSIGN(parts.post_processor, bert_template(parts, special_text(files, roles, "cls_token"),
                                                   special_text(files, roles, "sep_token")));
  return parts;
}

Result<TokenizerParts> mpnet_tokenizer(LegacyFiles& files) {
  const std::array<Role, 7> roles{{{"bos_token", {"<s>"}},
                                   {"eos_token", {"</s>"}},
                                   {"unk_token", {"[UNK]"}},
                                   {"sep_token", {"</s>"}},
                                   {"pad_token", {"<pad>"}},
                                   {"cls_token", {"<s>"}},
                                   {"mask_token", {.content = "<mask>", .lstrip = true}}}};
  ACCEL_ASSIGN(TokenizerParts parts, word_piece(files, roles));
  const std::string cls = special_text(files, roles, "cls_token");
  const std::string sep = special_text(files, roles, "sep_token");
  const std::array<Slot, 6> slots{{{cls, 0}, {"$A", 0}, {sep, 0}, {sep, 0}, {"$B", 1}, {sep, 1}}};
  ACCEL_ASSIGN(parts.post_processor, template_processing(parts, std::span(slots).first(3), slots));
  return parts;
}

}  // namespace accel::text
