// What encoders' heads have in common. B: batch, L: tokens, H: hidden size.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "accel/status.h"
#include "base/json.h"
#include "models/family.h"
#include "models/weights.h"

namespace accel::models {

// The labels of config.json: as many as "id2label" has, else "num_labels", else `otherwise`, as the
// reference library counts them. INVALID_ARGUMENT when the two contradict each other.
Result<int64_t> label_count(const Json& config, int64_t otherwise = 2);

// The same for a head that is being built: of multiple choices, each has one.
Result<int64_t> label_count(const BuildContext& context);

// The names of a masked language model's tensors.
struct MaskedLmNames {
  std::string dense;    // "NAME.weight" [H, H], "NAME.bias"
  std::string norm;     // layer normalisation [E]
  std::string decoder;  // "NAME.weight" [vocabulary, E]; absent: tied
  std::string tied;     // the word embeddings it is tied to; empty: none
  std::string bias;     // [vocabulary]; absent: the decoder's "NAME.bias"; when !bias, none
};
struct MaskedLmSizes {
  int64_t hidden;     // H
  int64_t embedding;  // E, of the rows of word embeddings
  int64_t vocabulary;
  double epsilon;
  bool bias = true;  // of dense and decoder
  bool rms = false;  // whether the norm is one
};

// Dense, activation, layer norm and the product with the word embeddings: [B, L, H] to logits
// [B, L, vocabulary] (Devlin et al., arXiv:1810.04805, 3.1).
Result<Output> masked_lm_logits(Weights& weights, const MaskedLmNames& names,
                                const MaskedLmSizes& sizes, std::string_view activation,
                                const Output& x);

// The same as the output "logits". A config that unties the embeddings wants "NAME.weight".
Result<std::vector<NamedOutput>> masked_lm(BuildContext& context, MaskedLmNames names,
                                           const MaskedLmSizes& sizes, std::string_view activation,
                                           const Output& x);

// "NAME" on what is classified, a sequence [B, H] or each token [B, L, H]: logits [.., labels].
Result<std::vector<NamedOutput>> classify(BuildContext& context, const std::string& name,
                                          const Output& x, int64_t hidden);

// "NAME" [2, H] on every token: start_logits and end_logits [B, L].
std::vector<NamedOutput> span_logits(Weights& weights, const std::string& name, const Output& x,
                                     int64_t hidden);

// A learned mean of the states [B, L, H] before the first layer and after each: their shares are
// the softmax of "NAME" [states] (Yang et al., arXiv:2105.01051). [B, L, H].
Output weighted_states(Weights& weights, const std::string& name,
                       std::span<const NamedOutput> states);

}  // namespace accel::models
