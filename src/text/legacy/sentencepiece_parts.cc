#include "text/legacy/sentencepiece_parts.h"

#include <algorithm>
#include <tuple>

#include "base/base64.h"

namespace accel::text {
namespace {

// Byte offsets of the characters of `text` but the first.
std::vector<size_t> character_starts(std::string_view text) {
  std::vector<size_t> starts;
  for (size_t i = 1; i < text.size(); ++i) {
    if ((static_cast<uint8_t>(text[i]) & 0xC0) != 0x80) starts.push_back(i);
  }
  return starts;
}

struct Merge {
  std::string left;
  std::string right;
  double score;
  size_t left_length;  // in characters
  size_t right_length;
};

// A file of byte pairs has no list of merges: every way to put a piece together from two others is
// one, as good as the piece's score. The order of equals is the reference library's
// (convert_slow_tokenizer.py, generate_merges).
std::vector<std::pair<std::string, std::string>> merges_of(const ScoredPieces& pieces,
                                                           const Vocabulary& parts) {
  constexpr size_t kLongest = 512;  // bytes; real ones have at most a hundred
  std::vector<Merge> merges;
  for (const auto& [piece, score] : pieces) {
    if (piece.size() > kLongest) continue;  // its ways grow with the square of its length
    const std::vector<size_t> starts = character_starts(piece);
    const size_t first = merges.size();
    for (size_t i = 0; i < starts.size(); ++i) {
      Merge merge{.left = piece.substr(0, starts[i]),
                  .right = piece.substr(starts[i]),
                  .score = score,
                  .left_length = i + 1,
                  .right_length = starts.size() - i};
      if (!parts.contains(merge.left) || !parts.contains(merge.right)) continue;
      merges.push_back(std::move(merge));
    }
    std::ranges::stable_sort(merges.begin() + static_cast<std::ptrdiff_t>(first), merges.end(), {},
                             [&](const Merge& merge) {
                               return std::tuple(parts.at(merge.left), parts.at(merge.right));
                             });
  }
  std::ranges::stable_sort(merges, std::greater(), [](const Merge& merge) {
    return std::tuple(merge.score, merge.left_length, merge.right_length);
  });
  std::vector<std::pair<std::string, std::string>> pairs;
  for (Merge& merge : merges) pairs.emplace_back(std::move(merge.left), std::move(merge.right));
  return pairs;
}

Vocabulary ids_of(const ScoredPieces& pieces) {
  Vocabulary ids;
  int32_t id = 0;
  for (const auto& [piece, score] : pieces) ids.insert_or_assign(piece, id++);
  return ids;
}

}  // namespace

std::vector<std::string> characters_of(std::string_view text) {
  std::vector<std::string> characters;
  size_t begin = 0;
  for (const size_t start : character_starts(text)) {
    characters.emplace_back(text.substr(begin, start - begin));
    begin = start;
  }
  if (begin < text.size()) characters.emplace_back(text.substr(begin));
  return characters;
}

ScoredPieces scored(const SentencePieceModel& model) {
  ScoredPieces pieces;
  for (const Piece& piece : model.pieces) pieces.emplace_back(piece.text, piece.score);
  return pieces;
}

TokenizerParts piece_parts(const SentencePieceModel& model, ScoredPieces pieces, int32_t unknown,
                           bool byte_fallback) {
  TokenizerParts parts;
  parts.ids = ids_of(pieces);
  if (model.algorithm == SentencePieceModel::Algorithm::kUnigram) {
    parts.model = {{"type", "Unigram"},
                   {"unk_id", unknown},
                   {"vocab", Json::array()},
                   {"byte_fallback", byte_fallback}};
    for (const auto& [piece, score] : pieces) parts.model["vocab"].push_back({piece, score});
  } else {
    Vocabulary own = ids_of(scored(model));
    // A piece of Gemma's that its file lacks: the byte stands for it.
    if (own.contains("<0x09>")) own.emplace("\t", own["<0x09>"]);
    parts.model = byte_pairs(parts.ids, merges_of(pieces, own));
    parts.model["continuing_subword_prefix"] = nullptr;
    parts.model["end_of_word_suffix"] = nullptr;
    parts.model["unk_token"] = model.pieces[static_cast<size_t>(model.unknown_id)].text;
    parts.model["fuse_unk"] = true;
    parts.model["byte_fallback"] = byte_fallback;
  }
  for (const Piece& piece : model.pieces) {
    if (piece.kind != PieceKind::kControl && piece.kind != PieceKind::kUserDefined) continue;
    parts.added.add({.content = piece.text, .special = piece.kind == PieceKind::kControl});
  }
  return parts;
}

void add_charsmap(const SentencePieceModel& model, std::vector<Json>& steps) {
  if (model.charsmap.empty()) return;
  steps.push_back({{"type", "Precompiled"}, {"precompiled_charsmap", base64_of(model.charsmap)}});
}

void add_strip(std::vector<Json>& steps) {
  steps.push_back({{"type", "Fuse"}});
  steps.push_back(replace_pattern(R"(\A +| +\z)", ""));
}

Json usual_normalizer(const SentencePieceModel& model) {
  std::vector<Json> steps;
  add_charsmap(model, steps);
  steps.push_back({{"type", "Strip"}, {"strip_left", false}, {"strip_right", true}});
  steps.push_back(replace_pattern(" {2,}", "▁"));
  return sequence("normalizers", std::move(steps));
}

}  // namespace accel::text
