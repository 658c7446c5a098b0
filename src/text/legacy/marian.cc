// Marian: source.spm and target.spm split texts into pieces, vocab.json numbers the pieces of both
// (Junczys-Dowmunt et al., arXiv:1804.00344).
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/try.h"
#include "text/legacy/legacy_tokenizers.h"
#include "text/legacy/sentencepiece_parts.h"

namespace accel::text {
namespace {

// What a piece scores per character that only the target's file has. It is taken where otherwise
// an unknown character would stand, and so gets its number as in the reference library; not where
// the source's file knows a part of it.
constexpr double kLastResort = -1e5;

double last_resort(const std::string& piece, const std::set<std::string>& known) {
  double score = 0;
  bool partly_known = false;
  for (const std::string& character : characters_of(piece)) {
    score += kLastResort;
    partly_known |= known.contains(character);
  }
  return partly_known ? 2 * score : score;
}

// The numbered pieces in their order. A piece of the source's file without a number is left out:
// its parts are taken instead, where the reference library gives <unk>.
Result<ScoredPieces> numbered(const SentencePieceModel& source, const Vocabulary& ids) {
  std::set<std::string> known;
  for (const Piece& piece : source.pieces) known.insert(piece.text);
  ScoredPieces pieces(ids.size());
  for (const auto& [piece, id] : ids) {
    if (std::cmp_greater_equal(id, pieces.size()) ||
        !pieces[static_cast<size_t>(id)].first.empty()) {
      return invalid_argument(fmt::format(
          "vocab.json: expected the numbers 0 to {}, each once, found {}", ids.size() - 1, id));
    }
    pieces[static_cast<size_t>(id)] = {piece, last_resort(piece, known)};
  }
  for (const Piece& piece : source.pieces) {
    const auto id = ids.find(piece.text);
    if (id != ids.end()) pieces[static_cast<size_t>(id->second)].second = piece.score;
  }
  return pieces;
}

}  // namespace

Result<TokenizerParts> marian_tokenizer(LegacyFiles& files) {
  ACCEL_ASSIGN(SentencePieceModel source, files.sentencepiece("source.spm"));
  ACCEL_ASSIGN(const Vocabulary ids, files.vocabulary_of_json("vocab.json"));
  ACCEL_ASSIGN(ScoredPieces pieces, numbered(source, ids));
  const std::array<Role, 3> roles{
      {{"eos_token", {"</s>"}}, {"unk_token", {"<unk>"}}, {"pad_token", {"<pad>"}}}};
  const auto unknown = ids.find(special_text(files, roles, "unk_token"));
  if (unknown == ids.end()) {
    return invalid_argument("vocab.json: expected the unknown token <unk>, found none");
  }
  std::erase_if(source.pieces,
                [](const Piece& piece) { return piece.kind == PieceKind::kControl; });
  TokenizerParts parts = piece_parts(source, std::move(pieces), unknown->second);
  std::vector<Json> steps;
  add_charsmap(source, steps);
  steps.push_back(replace_pattern(R"( +\z)", ""));
  steps.push_back(replace_pattern(" {2,}", "▁"));
  parts.normalizer = sequence("normalizers", std::move(steps));
  parts.pre_tokenizer = metaspace("always");
  std::vector<Json> decoding{metaspace("always")};
  add_strip(decoding);
  parts.decoder = sequence("decoders", std::move(decoding));
  add_tokens(files, roles, parts);
  // ">>fra<<" at the beginning of a text: the language to translate into.
  std::vector<std::string> languages;
  for (const auto& [piece, id] : ids) {
    if (piece.starts_with(">>") && piece.ends_with("<<")) languages.push_back(piece);
  }
  std::ranges::sort(languages);
  for (const std::string& language : languages)
    parts.added.add({.content = language, .special = false});
  const std::string end = special_text(files, roles, "eos_token");
  const std::array<Slot, 3> pair{{{"$A", 0}, {"$B", 1}, {end, 1}}};
  const std::array<Slot, 2> single{{{"$A", 0}, {end, 0}}};
  ACCEL_ASSIGN(parts.post_processor, template_processing(parts, single, pair));
  return parts;
}

}  // namespace accel::text
