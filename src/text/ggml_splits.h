// How a text is split before byte pairs are merged: llama.cpp's names for the ways of well-known
// tokenizers ("tokenizer.ggml.pre"), and those tokenizers' own expressions.
#pragma once

#include <string_view>

#include "accel/status.h"
#include "base/json.h"

namespace accel::text {

struct GgmlSplit {
  std::string_view name;        // "llama-bpe"
  std::string_view expression;  // Oniguruma's; empty: GPT-2's
  bool digits = false;          // each digit is split off before
  bool composed = false;        // the text is brought into Unicode's form C before
  bool whole_words = false;     // a word that is a token is not put together from pairs
  bool begins = false;          // texts begin with the bos token unless the file says otherwise
};

// UNIMPLEMENTED for a name that is not known; an empty one and "default" are GPT-2's.
Result<GgmlSplit> find_split(std::string_view name);

// The tokenizer.json's "pre_tokenizer" of that way.
Json pre_tokenizer_of(const GgmlSplit& split);

}  // namespace accel::text
