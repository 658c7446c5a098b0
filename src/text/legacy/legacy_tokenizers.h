// The reference library's tokenizer classes that are read from older files: one function each in
// a file of this folder, one line each in the list of tokenizer_files.cc.
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "accel/status.h"
#include "text/legacy/legacy_files.h"
#include "text/legacy/tokenizer_parts.h"

namespace accel::text {

struct LegacyTokenizer {
  std::string_view name;                    // the class in the reference library
  std::span<const std::string_view> files;  // all that it needs
  Result<TokenizerParts> (*convert)(LegacyFiles& files);
};

// word_piece.cc
Result<TokenizerParts> bert_tokenizer(LegacyFiles& files);
Result<TokenizerParts> mpnet_tokenizer(LegacyFiles& files);
// byte_level.cc
Result<TokenizerParts> bart_tokenizer(LegacyFiles& files);
Result<TokenizerParts> clip_tokenizer(LegacyFiles& files);
Result<TokenizerParts> gpt2_tokenizer(LegacyFiles& files);
Result<TokenizerParts> qwen2_tokenizer(LegacyFiles& files);
Result<TokenizerParts> roberta_tokenizer(LegacyFiles& files);
Result<TokenizerParts> whisper_tokenizer(LegacyFiles& files);
// unigram.cc
Result<TokenizerParts> albert_tokenizer(LegacyFiles& files);
Result<TokenizerParts> camembert_tokenizer(LegacyFiles& files);
Result<TokenizerParts> deberta_v2_tokenizer(LegacyFiles& files);
Result<TokenizerParts> mbart_tokenizer(LegacyFiles& files);
Result<TokenizerParts> siglip_tokenizer(LegacyFiles& files);
Result<TokenizerParts> t5_tokenizer(LegacyFiles& files);
Result<TokenizerParts> xlm_roberta_tokenizer(LegacyFiles& files);
// marian.cc
Result<TokenizerParts> marian_tokenizer(LegacyFiles& files);
// piece_pairs.cc
Result<TokenizerParts> gemma_tokenizer(LegacyFiles& files);
Result<TokenizerParts> llama_tokenizer(LegacyFiles& files);
// characters.cc
Result<TokenizerParts> byt5_tokenizer(LegacyFiles& files);
Result<TokenizerParts> ctc_tokenizer(LegacyFiles& files);

}  // namespace accel::text
