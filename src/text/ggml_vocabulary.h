// The tokenizer that a GGUF file describes (llama.cpp's "tokenizer.ggml.*" metadata), as the
// content of a tokenizer.json.
//
//   llama  byte pairs of SentencePiece, best score first, and bytes for what no piece covers
//   gpt2   byte pairs over bytes written as characters; "pre" names how a text is split before
//   bert   WordPiece; "▁" in front of what begins a word, where BERT has "##" before the rest
//   t5     unigram language models of SentencePiece
//
// What the metadata does not say is as llama.cpp assumes it (llama-vocab.cpp); where the reference
// library's tokenizers normalize a text and llama.cpp does not, the former are followed.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accel/status.h"

namespace accel::text {

struct GgmlVocabulary {
  std::string model;                // "llama"
  std::string pre;                  // "qwen2"; empty: not said
  std::vector<std::string> tokens;  // by id
  std::vector<float> scores;        // of each token, or none
  std::vector<int32_t> kinds;       // of each token, the numbers of PieceKind, or none
  std::vector<std::string> merges;  // "left right", best first
  // Ids by role: bos, eos, unknown, seperator (so spelt), padding, cls, mask.
  std::map<std::string, int32_t, std::less<>> special;
  std::optional<bool> add_bos;
  std::optional<bool> add_eos;
  std::optional<bool> add_space_prefix;
  std::optional<bool> remove_extra_whitespaces;
  std::optional<bool> lower_case;
  std::optional<bool> strip_accents;
  std::string charsmap;  // SentencePiece's compiled table of the normalization; empty: none
};

// Pure. UNIMPLEMENTED for another model, or a way of splitting that is not known; INVALID_ARGUMENT
// for what contradicts itself or is not UTF-8.
Result<std::string> tokenizer_json(const GgmlVocabulary& vocabulary);

}  // namespace accel::text
