// Text out of a CTC model: wav2vec 2.0, HuBERT and their like give, for every frame, a score per
// token; the best one of each frame, without repeats and without the blank, spells the text (Graves
// et al., ICML 2006). The texts and offsets are those of transformers' Wav2Vec2CTCTokenizer, called
// as the Hub's automatic-speech-recognition pipeline does.
//
//   ACCEL_ASSIGN(const CtcDecoder decoder, CtcDecoder::create({.vocabulary = vocab_json,
//                                                              .config = tokenizer_config_json}));
//   ACCEL_ASSIGN(const std::vector<int64_t> ids, best_ids(logits, width));
//   ACCEL_ASSIGN(const CtcText text, decoder.decode(ids, {.words = true}));
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "accel/status.h"
#include "base/json.h"

namespace accel::text {

// The texts of a folder's files; an absent file is empty, and only the vocabulary must be there.
struct CtcFiles {
  std::string_view vocabulary;      // vocab.json: {token: id}, or {language: {token: id}} (MMS)
  std::string_view config;          // tokenizer_config.json
  std::string_view special_tokens;  // special_tokens_map.json, looked at in older folders
  std::string_view added_tokens;    // added_tokens.json, looked at in older folders
  // Which of several vocabularies; empty: the config's target_lang.
  std::string_view language;
};

struct CtcOptions {
  bool characters = false;  // fills CtcText::characters
  bool words = false;       // fills CtcText::words
  // The pipeline leaves "<s>", "</s>" and "<unk>" in the text where the model gives them. With
  // this, they are left out after repeats were joined (never the blank before that: the reference's
  // skip_special_tokens drops it too early, so that double letters become one).
  bool skip_special_tokens = false;
};

// A piece of the text and the frames [begin, end) that say it. A second has the model's rate
// divided by its inputs_to_logits_ratio frames.
struct CtcSpan {
  std::string text;
  uint64_t begin = 0;
  uint64_t end = 0;
  bool operator==(const CtcSpan&) const = default;
};

struct CtcText {
  std::string text;
  std::vector<CtcSpan> characters;  // tokens without the blank, word delimiters as in the text
  std::vector<CtcSpan> words;
};

// Immutable: any number of threads may call all members at the same time.
class CtcDecoder {
 public:
  // INVALID_ARGUMENT for files that are no such tokenizer's, a language that is not there (with
  // those that are), or two tokens of one id; UNIMPLEMENTED for other tokenizer classes.
  static Result<CtcDecoder> create(const CtcFiles& files);

  // An id that no token has is the unknown token, as in the reference.
  Result<CtcText> decode(std::span<const int64_t> ids, const CtcOptions& options = {}) const;

  // Ids from 0 to this belong to tokens; a model gives as many scores per frame, or more.
  int64_t largest_id() const { return largest_id_; }

 private:
  CtcDecoder() = default;
  Status read_tokens(const Json& vocabulary, const Json& config, const CtcFiles& files);
  const std::string& token(int64_t id) const;
  std::vector<CtcSpan> spell(std::span<const int64_t> ids, bool skip_special_tokens) const;
  std::vector<CtcSpan> words_of(std::span<const CtcSpan> characters) const;

  std::unordered_map<int64_t, std::string> tokens_;
  int64_t largest_id_ = -1;
  std::string blank_;      // the padding token
  std::string unknown_;    // stands for ids without a token
  std::string delimiter_;  // the token between words; empty: none
  std::string space_;      // what it becomes in the text
  std::unordered_set<std::string> special_;
  bool lower_case_ = false;
  bool clean_up_ = false;
};

// The best id of each frame: `logits` is [frames, width], row by row; of equal scores the first
// counts. INVALID_ARGUMENT for a score that is no number, or rows that are not whole.
Result<std::vector<int64_t>> best_ids(std::span<const float> logits, size_t width);

}  // namespace accel::text
