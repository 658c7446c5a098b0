// The tokenizer of a model's folder, as the content of a tokenizer.json: read from there or, where
// a folder has none, made from the files that were used before.
//
//   vocab.txt                            BERT and its like
//   vocab.json, merges.txt               GPT-2, RoBERTa, BART, CLIP, Qwen2, Whisper
//   spiece.model, spm.model, *.bpe.model ALBERT, CamemBERT, DeBERTa, mBART, SigLIP, T5, XLM-RoBERTa
//   tokenizer.model                      Llama, Mistral, Phi-3, Gemma
//   source.spm, target.spm, vocab.json   Marian
//   vocab.json                           wav2vec 2.0 and its like
//   nothing                              ByT5
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "accel/status.h"

namespace accel::text {

// Which files make a tokenizer is up to its class: what tokenizer_config.json names, else
// `usual_class`, the model family's ("BertTokenizer"; empty when it has none).
//
// NOT_FOUND says which files are expected, UNIMPLEMENTED names a class that is not read from such
// files; DATA_LOSS and INVALID_ARGUMENT name a broken one.
Result<std::string> read_tokenizer(const std::filesystem::path& folder,
                                   std::string_view usual_class);

}  // namespace accel::text
