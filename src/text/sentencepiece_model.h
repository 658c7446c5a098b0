// The model files of SentencePiece: spiece.model, sentencepiece.bpe.model, tokenizer.model, *.spm.
//
// They are protocol buffers, "ModelProto" of sentencepiece_model.proto
// (https://github.com/google/sentencepiece/blob/v0.2.0/src/sentencepiece_model.proto).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "accel/status.h"

namespace accel::text {

// The numbers are the file's.
enum class PieceKind : uint8_t {
  kNormal = 1,
  kUnknown = 2,
  kControl = 3,      // never in a text: <s>, </s>
  kUserDefined = 4,  // always a piece of its own
  kUnused = 5,
  kByte = 6,  // "<0x41>", for bytes that no piece covers
};

struct Piece {
  std::string text;  // UTF-8; spaces are "▁" (U+2581)
  float score = 0;   // log probability, or minus the rank of the merge
  PieceKind kind = PieceKind::kNormal;
};

struct SentencePieceModel {
  enum class Algorithm : uint8_t { kUnigram = 1, kBpe = 2 };
  Algorithm algorithm = Algorithm::kUnigram;
  std::vector<Piece> pieces;  // by id
  int32_t unknown_id = 0;
  bool byte_fallback = false;
  std::string charsmap;  // the compiled table of the normalization; empty: none
};

// Pure. DATA_LOSS for what is no such file; UNIMPLEMENTED for the algorithms "word" and "char".
Result<SentencePieceModel> parse_sentencepiece_model(std::string_view bytes);

}  // namespace accel::text
