// What the classes over SentencePiece models share.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "text/legacy/tokenizer_parts.h"
#include "text/sentencepiece_model.h"

namespace accel::text {

using ScoredPieces = std::vector<std::pair<std::string, double>>;  // by id

// The model's own pieces with their scores.
ScoredPieces scored(const SentencePieceModel& model);

// The model over `pieces`, which may differ from the file's; its ids; and in `added` the file's
// control and user-defined pieces. `unknown` is the id of the unknown piece.
TokenizerParts piece_parts(const SentencePieceModel& model, ScoredPieces pieces, int32_t unknown,
                           bool byte_fallback = false);

// The file's table of replaced characters as a step of a normalization; none: no step.
void add_charsmap(const SentencePieceModel& model, std::vector<Json>& steps);
// What most classes do: that table, then runs of spaces become one, and none stays at the end.
Json usual_normalizer(const SentencePieceModel& model);
std::vector<std::string> characters_of(std::string_view text);  // of valid UTF-8

// A decoder's last steps: no spaces at the ends of the text.
void add_strip(std::vector<Json>& steps);

}  // namespace accel::text
