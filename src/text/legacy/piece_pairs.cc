// tokenizer.model: byte pairs of SentencePiece, with bytes for what no piece covers.
#include "base/try.h"
#include "text/legacy/legacy_tokenizers.h"
#include "text/legacy/sentencepiece_parts.h"

namespace accel::text {
namespace {

// <s> A [</s>] and the same for B, as far as the options want.
Status add_template(LegacyFiles& files, std::span<const Role> roles, TokenizerParts& parts) {
  const bool begin = files.flag("add_bos_token", true);
  const bool end = files.flag("add_eos_token", false);
  std::vector<Slot> slots;
  size_t single = 0;
  for (const int32_t type : {0, 1}) {
    if (begin) slots.push_back({special_text(files, roles, "bos_token"), type});
    slots.push_back({type == 0 ? "$A" : "$B", type});
    if (end) slots.push_back({special_text(files, roles, "eos_token"), type});
    if (type == 0) single = slots.size();
  }
  ACCEL_ASSIGN(parts.post_processor,
               template_processing(parts, std::span(slots).first(single), slots));
  return {};
}

std::vector<Json> decoding_steps() {
  return {replace("▁", " "), {{"type", "ByteFallback"}}, {{"type", "Fuse"}}};
}

Status check_three_pieces(const SentencePieceModel& model) {
  if (model.pieces.size() > 3) return {};
  return invalid_argument("tokenizer.model: expected pieces behind three special ones, found none");
}

}  // namespace

Result<TokenizerParts> llama_tokenizer(LegacyFiles& files) {
  ACCEL_ASSIGN(const SentencePieceModel model, files.sentencepiece("tokenizer.model"));
  ACCEL_TRY(check_three_pieces(model));
  ScoredPieces pieces = scored(model);
  for (size_t i = 0; i < 3; ++i) pieces[i].second = 0;
  TokenizerParts parts = piece_parts(model, std::move(pieces), 0, true);
  const bool space = files.flag("add_prefix_space", true);
  if (files.flag("legacy", true)) {
    std::vector<Json> steps;
    if (space) steps.push_back({{"type", "Prepend"}, {"prepend", "▁"}});
    steps.push_back(replace(" ", "▁"));
    parts.normalizer = sequence("normalizers", std::move(steps));
  } else {
    parts.pre_tokenizer = metaspace(space ? "first" : "never", false);
  }
  std::vector<Json> decoding = decoding_steps();
  if (space) decoding.push_back({{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}});
  parts.decoder = sequence("decoders", std::move(decoding));
  const std::array<Role, 3> roles{
      {{"bos_token", {"<s>"}}, {"eos_token", {"</s>"}}, {"unk_token", {"<unk>"}}}};
  add_tokens(files, roles, parts);
  ACCEL_TRY(add_template(files, roles, parts));
  return parts;
}

Result<TokenizerParts> gemma_tokenizer(LegacyFiles& files) {
  ACCEL_ASSIGN(const SentencePieceModel model, files.sentencepiece("tokenizer.model"));
  ACCEL_TRY(check_three_pieces(model));
  const std::array<Role, 4> roles{{{"bos_token", {"<bos>"}},
                                   {"eos_token", {"<eos>"}},
                                   {"unk_token", {"<unk>"}},
                                   {"pad_token", {"<pad>"}}}};
  ScoredPieces pieces = scored(model);
  pieces[0] = {special_text(files, roles, "pad_token"), 0};
  pieces[1] = {special_text(files, roles, "eos_token"), 0};
  pieces[2] = {special_text(files, roles, "bos_token"), 0};
  const auto of = [&](std::string_view text) {
    return std::ranges::find(pieces, text, &ScoredPieces::value_type::first);
  };
  if (of("\t") == pieces.end() && of("<0x09>") != pieces.end()) *of("<0x09>") = {"\t", 0};
  TokenizerParts parts = piece_parts(model, std::move(pieces), 3, true);
  for (AddedText& token : parts.added) {
    token.special |= token.content == "<start_of_turn>" || token.content == "<end_of_turn>";
  }
  parts.normalizer = replace(" ", "▁");
  parts.pre_tokenizer = {{"type", "Split"},
                         {"pattern", {{"String", " "}}},
                         {"behavior", "MergedWithPrevious"},
                         {"invert", false}};
  parts.decoder = sequence("decoders", decoding_steps());
  add_tokens(files, roles, parts);
  ACCEL_TRY(add_template(files, roles, parts));
  return parts;
}

}  // namespace accel::text
