// What decoder-only language models have in common (Radford et al., "Language Models are
// Unsupervised Multitask Learners", 2019): which keys a query sees, and heads over states of which
// the last one knows the whole text. B: batch, L: tokens, H: hidden size.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "accel/status.h"
#include "models/config_reader.h"
#include "models/family.h"
#include "models/weights.h"

namespace accel::models {

// Which keys a query sees.
struct Sight {
  bool causal = true;  // itself and those before it; otherwise those behind it, too
  int64_t window = 0;  // only keys less than this many tokens away; 0: any distance
};

// `sight`, and of attention_mask [B, L] the keys marked 1, as an additive mask: f32 [B or 1, 1, L,
// L], finite where hidden, so that rows that see nothing stay numbers. `ids` are [B, L].
Output sight_mask(const Output& ids, const std::optional<Output>& attention_mask,
                  const Sight& sight);

// The padding token's id: config.json's "pad_token_id", `fallback` when absent, none when null.
std::optional<int64_t> padding_token(const Json& config, std::optional<int64_t> fallback,
                                     ConfigReader& in);

// Heads over the states [B, L, H] after the last norm.
struct DecoderHead {
  int64_t hidden = 0;
  int64_t vocabulary = 0;
  std::optional<int64_t> padding;  // the padding token's id
  bool tied = false;               // the head's matrix is the word embeddings
  std::string words;               // "NAME.weight" [vocabulary, H], the word embeddings
  std::string logits;              // "NAME.weight" [vocabulary, H], unless tied
  std::string tokens;              // token classification: "NAME.weight" [labels, H], "NAME.bias"
  double softcap = 0;              // of the vocabulary's logits; 0: none
};

// The outputs of context.head. Sequences are classified by their last token that is not padding,
// of whichever side: "score.weight" [labels, H].
Result<std::vector<NamedOutput>> decoder_outputs(BuildContext& context, const DecoderHead& head,
                                                 const Output& ids, const Output& x);

// cap * tanh(x / cap) (Gemma Team, arXiv:2408.00118, section 2).
Output soft_cap(const Output& x, double cap);

}  // namespace accel::models
