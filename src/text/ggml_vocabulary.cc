#include "text/ggml_vocabulary.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "base/try.h"
#include "base/utf8.h"
#include "text/ggml_splits.h"
#include "text/legacy/sentencepiece_parts.h"
#include "text/legacy/tokenizer_parts.h"

namespace accel::text {
namespace {

constexpr std::string_view kSpace = "▁";

PieceKind kind_of(const GgmlVocabulary& from, size_t id) {
  if (id >= from.kinds.size()) return PieceKind::kNormal;
  const int32_t kind = from.kinds[id];
  return kind >= 1 && kind <= 6 ? static_cast<PieceKind>(kind) : PieceKind::kNormal;
}

Status check(const GgmlVocabulary& from) {
  constexpr size_t kMost = size_t{1} << 24;
  if (from.tokens.empty() || from.tokens.size() > kMost) {
    return invalid_argument(fmt::format("tokenizer.ggml.tokens: expected 1 to {} tokens, found {}",
                                        kMost, from.tokens.size()));
  }
  const auto fits = [&](const auto& list) {
    return list.empty() || list.size() == from.tokens.size();
  };
  if (!fits(from.scores) || !fits(from.kinds)) {
    return invalid_argument(fmt::format(
        "tokenizer.ggml: expected a score and a token_type for each of {} tokens, found {} and {}",
        from.tokens.size(), from.scores.size(), from.kinds.size()));
  }
  for (size_t i = 0; i < from.tokens.size(); ++i) {
    if (find_invalid_utf8(from.tokens[i]) == std::string::npos) continue;
    return invalid_argument(
        fmt::format("tokenizer.ggml.tokens: expected UTF-8, found other bytes in token {}", i));
  }
  for (const auto& [role, id] : from.special) {
    if (id >= 0 && static_cast<size_t>(id) < from.tokens.size()) continue;
    return invalid_argument(
        fmt::format("tokenizer.ggml.{}_token_id: expected an id below {}, found {}", role,
                    from.tokens.size(), id));
  }
  return {};
}

// The id of that role; `otherwise` where the file names none and has so many tokens.
std::optional<int32_t> id_of(const GgmlVocabulary& from, std::string_view role,
                             std::optional<int32_t> otherwise = std::nullopt) {
  const auto own = from.special.find(role);
  if (own != from.special.end()) return own->second;
  if (otherwise && static_cast<size_t>(*otherwise) >= from.tokens.size()) return std::nullopt;
  return otherwise;
}

// What stands around a text: tokens, where there are any.
struct Around {
  std::optional<std::string> begin;
  std::optional<std::string> end;
  bool second_type = false;  // a second text has type 1
};

// begin A end; of two texts begin A end end B end where there is a begin, else A end B end.
Status add_template(const Around& around, TokenizerParts& parts) {
  std::vector<Slot> slots;
  if (around.begin) slots.push_back({*around.begin, 0});
  slots.push_back({"$A", 0});
  if (around.end) slots.push_back({*around.end, 0});
  const size_t single = slots.size();
  const int32_t type = around.second_type ? 1 : 0;
  if (around.begin && around.end && !around.second_type) slots.push_back({*around.end, 0});
  if (around.begin && !around.end) slots.push_back({*around.begin, type});
  slots.push_back({"$B", type});
  if (around.end) slots.push_back({*around.end, type});
  ACCEL_ASSIGN(parts.post_processor,
               template_processing(parts, std::span(slots).first(single), slots));
  return {};
}

// `usual`: the ids of both where the file names none.
Result<Around> around_of(const GgmlVocabulary& from, bool begins, bool ends,
                         std::array<std::optional<int32_t>, 2> usual = {}) {
  Around around;
  const auto put = [&](std::string_view role, std::optional<int32_t> otherwise,
                       std::optional<std::string>& to) -> Status {
    const std::optional<int32_t> id = id_of(from, role, otherwise);
    if (!id) {
      return invalid_argument(fmt::format(
          "tokenizer.ggml.{}_token_id: expected an id, since texts get that token; found none",
          role));
    }
    to = from.tokens[static_cast<size_t>(*id)];
    return {};
  };
  if (begins) ACCEL_TRY(put("bos", usual[0], around.begin));
  if (ends) ACCEL_TRY(put("eos", usual[1], around.end));
  return around;
}

SentencePieceModel sentencepiece_of(const GgmlVocabulary& from, int32_t unknown) {
  SentencePieceModel model;
  model.unknown_id = unknown;
  model.charsmap = from.charsmap;
  for (size_t i = 0; i < from.tokens.size(); ++i) {
    model.pieces.push_back({.text = from.tokens[i],
                            .score = from.scores.empty() ? 0 : from.scores[i],
                            .kind = kind_of(from, i)});
  }
  return model;
}

// A mask takes the spaces before it, as those of RoBERTa and its kin do.
AddedText added_text(const GgmlVocabulary& from, const std::string& token, PieceKind kind) {
  const bool mask = token == "<mask>" || (from.pre == "modern-bert" && token == "[MASK]");
  return {.content = token, .lstrip = mask, .special = mask || kind == PieceKind::kControl};
}

// --- models --------------------------------------------------------------------------------------

// A tab is one of the bytes, and yet there may be pieces of several of them.
void name_tab(SentencePieceModel& model) {
  const auto of = [&](std::string_view text) {
    return std::ranges::find(model.pieces, text, &Piece::text);
  };
  const auto byte = of("<0x09>");
  if (byte == model.pieces.end() || of("\t") != model.pieces.end()) return;
  if (of("\t\t") != model.pieces.end()) byte->text = "\t";
}

Result<TokenizerParts> llama_parts(const GgmlVocabulary& from) {
  const int32_t unknown = id_of(from, "unknown", 0).value_or(0);
  SentencePieceModel model = sentencepiece_of(from, unknown);
  model.algorithm = SentencePieceModel::Algorithm::kBpe;
  name_tab(model);
  TokenizerParts parts = piece_parts(model, scored(model), unknown, true);
  parts.added.add({.content = from.tokens[static_cast<size_t>(unknown)]});
  const bool space = from.add_space_prefix.value_or(true);
  std::vector<Json> steps;
  if (space) steps.push_back({{"type", "Prepend"}, {"prepend", kSpace}});
  steps.push_back(replace(" ", kSpace));
  parts.normalizer = sequence("normalizers", std::move(steps));
  std::vector<Json> decoding{replace(kSpace, " "), {{"type", "ByteFallback"}}, {{"type", "Fuse"}}};
  if (space) decoding.push_back({{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}});
  parts.decoder = sequence("decoders", std::move(decoding));
  ACCEL_ASSIGN(const Around around,
               around_of(from, from.add_bos.value_or(true), from.add_eos.value_or(false), {1, 2}));
  ACCEL_TRY(add_template(around, parts));
  return parts;
}

Result<std::vector<std::pair<std::string, std::string>>> pairs_of(const GgmlVocabulary& from) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (size_t i = 0; i < from.merges.size(); ++i) {
    const std::string& merge = from.merges[i];
    const size_t space = merge.find(' ', 1);  // the first character may be one
    if (space == std::string::npos || find_invalid_utf8(merge) != std::string::npos) {
      return invalid_argument(fmt::format(
          "tokenizer.ggml.merges: expected two tokens in UTF-8, found others in merge {}", i));
    }
    pairs.emplace_back(merge.substr(0, space), merge.substr(space + 1));
  }
  return pairs;
}

Result<TokenizerParts> byte_level_parts(const GgmlVocabulary& from) {
  ACCEL_ASSIGN(const GgmlSplit split, find_split(from.pre));
  ACCEL_ASSIGN(const auto pairs, pairs_of(from));
  TokenizerParts parts;
  for (size_t i = 0; i < from.tokens.size(); ++i) {
    parts.ids.insert_or_assign(from.tokens[i], static_cast<int32_t>(i));
    const PieceKind kind = kind_of(from, i);
    if (kind != PieceKind::kControl && kind != PieceKind::kUserDefined) continue;
    parts.added.add(added_text(from, from.tokens[i], kind));
  }
  parts.model = byte_pairs(parts.ids, pairs);
  parts.model["ignore_merges"] = split.whole_words;
  if (split.composed) parts.normalizer = {{"type", "NFC"}};
  parts.pre_tokenizer = pre_tokenizer_of(split);
  parts.decoder = byte_level(true);
  const bool begins = from.add_bos.value_or(split.begins);
  const bool ends = from.add_eos.value_or(false);
  if (!begins && !ends) {
    parts.post_processor = byte_level(true, false);
    return parts;
  }
  ACCEL_ASSIGN(const Around around, around_of(from, begins, ends));
  ACCEL_TRY(add_template(around, parts));
  return parts;
}

// Back to BERT's way of writing: control tokens as they are, "▁word" is "word", the rest "##rest".
std::string word_piece(std::string_view token, PieceKind kind) {
  if (kind == PieceKind::kControl || kind == PieceKind::kUnknown) return std::string(token);
  if (token.starts_with(kSpace)) return std::string(token.substr(kSpace.size()));
  const bool marked = token.size() > 2 && token.front() == '[' && token.back() == ']';
  return marked ? std::string(token) : "##" + std::string(token);
}

// Whether the words have capital letters, which those of lower-casing models do not.
bool has_capitals(const GgmlVocabulary& from) {
  for (size_t i = 0; i < from.tokens.size(); ++i) {
    const bool marked = from.tokens[i].find('[') != std::string::npos;
    if (kind_of(from, i) != PieceKind::kNormal || marked) continue;
    if (std::ranges::any_of(from.tokens[i], [](char c) { return c >= 'A' && c <= 'Z'; })) {
      return true;
    }
  }
  return false;
}

Result<TokenizerParts> word_piece_parts(const GgmlVocabulary& from) {
  TokenizerParts parts;
  std::vector<std::string> words;
  const auto special = [&](int32_t id) {
    return std::ranges::any_of(from.special, [&](const auto& role) { return role.second == id; });
  };
  for (size_t i = 0; i < from.tokens.size(); ++i) {
    const bool control =
        kind_of(from, i) == PieceKind::kControl || special(static_cast<int32_t>(i));
    words.push_back(word_piece(from.tokens[i], control ? PieceKind::kControl : kind_of(from, i)));
    parts.ids.insert_or_assign(words.back(), static_cast<int32_t>(i));
    if (control) parts.added.add({.content = words.back()});
  }
  const std::optional<int32_t> unknown = id_of(from, "unknown", 100);
  const auto named = std::ranges::find(words, "[CLS]");  // the id is often left out
  const int32_t usual = named == words.end() ? 101 : static_cast<int32_t>(named - words.begin());
  const std::optional<int32_t> begin = id_of(from, "cls", id_of(from, "bos", usual));
  const std::optional<int32_t> end = id_of(from, "seperator", id_of(from, "eos", 102));
  if (!unknown || !begin || !end) {
    return invalid_argument("tokenizer.ggml: expected ids of the unknown, cls and seperator "
                            "tokens, found none");
  }
  const auto word = [&](int32_t id) -> const std::string& {
    return words[static_cast<size_t>(id)];
  };
  parts.model = {{"type", "WordPiece"},
                 {"unk_token", word(*unknown)},
                 {"continuing_subword_prefix", "##"},
                 {"max_input_chars_per_word", 100},
                 {"vocab", parts.ids}};
  parts.normalizer = {{"type", "BertNormalizer"},
                      {"clean_text", true},
                      {"handle_chinese_chars", true},
                      {"strip_accents", from.strip_accents ? Json(*from.strip_accents) : Json()},
                      {"lowercase", from.lower_case.value_or(!has_capitals(from))}};
  parts.pre_tokenizer = {{"type", "BertPreTokenizer"}};
  parts.decoder = {{"type", "WordPiece"}, {"prefix", "##"}, {"cleanup", true}};
  ACCEL_TRY(add_template({.begin = word(*begin), .end = word(*end), .second_type = true}, parts));
  return parts;
}

Result<TokenizerParts> unigram_parts(const GgmlVocabulary& from) {
  const int32_t unknown = id_of(from, "unknown", 2).value_or(0);
  const SentencePieceModel model = sentencepiece_of(from, unknown);
  TokenizerParts parts = piece_parts(model, scored(model), unknown);
  parts.added.add({.content = from.tokens[static_cast<size_t>(unknown)]});
  if (AddedText* mask = parts.added.find("<mask>")) {
    *mask = added_text(from, mask->content, PieceKind::kControl);
  }
  if (from.remove_extra_whitespaces.value_or(true)) {
    parts.normalizer = usual_normalizer(model);
  } else {
    std::vector<Json> steps;
    add_charsmap(model, steps);
    if (!steps.empty()) parts.normalizer = sequence("normalizers", std::move(steps));
  }
  parts.pre_tokenizer = metaspace(from.add_space_prefix.value_or(true) ? "always" : "never");
  parts.decoder = parts.pre_tokenizer;
  ACCEL_ASSIGN(const Around around,
               around_of(from, from.add_bos.value_or(false), from.add_eos.value_or(true)));
  ACCEL_TRY(add_template(around, parts));
  return parts;
}

struct Model {
  std::string_view name;
  Result<TokenizerParts> (*parts)(const GgmlVocabulary& from);
};

constexpr std::array<Model, 4> kModels{{
    {"bert", word_piece_parts},
    {"gpt2", byte_level_parts},
    {"llama", llama_parts},
    {"t5", unigram_parts},
}};

}  // namespace

Result<std::string> tokenizer_json(const GgmlVocabulary& vocabulary) {
  const auto model = std::ranges::find(kModels, vocabulary.model, &Model::name);
  if (model == kModels.end()) {
    return unimplemented(
        fmt::format("tokenizer.ggml.model: expected bert, gpt2, llama or t5, found \"{:.80}\"",
                    vocabulary.model));
  }
  ACCEL_TRY(check(vocabulary));
  ACCEL_ASSIGN(const TokenizerParts parts, model->parts(vocabulary));
  return tokenizer_json(parts);
}

}  // namespace accel::text
