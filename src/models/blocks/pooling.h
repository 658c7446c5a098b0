// From one vector per token to one per sequence.
#pragma once

#include <span>
#include <string_view>

#include "models/weights.h"

namespace accel::models {

// Ways to pool [B, L, H] to [B, H] under the attention mask, in the order in which a combination is
// concatenated (as sentence-transformers does).
enum class Pooling { kCls, kMax, kMean, kMeanSqrtLength, kWeightedMean, kLastToken };

using accel::to_string;  // hidden by the next, else
std::string_view to_string(Pooling pooling);

// hidden [B, L, H] under attention_mask [B, L] pooled in each of the ways and concatenated:
// [B, ways * H]. A row without any real token pools to zeros (max: the lowest float).
Output pool(std::span<const Pooling> ways, const Output& hidden, const Output& attention_mask);

// x / max(|x|, 1e-12) over the last axis, as torch.nn.functional.normalize.
Output unit_length(const Output& x);

}  // namespace accel::models
