// Relative position biases: values added to the attention scores that depend on the distance
// between the two tokens.
#pragma once

#include "models/weights.h"

namespace accel::models {

// BERT's "relative_key" and, with `key_too`, "relative_key_query" (Shaw et al., arXiv:1803.02155;
// Huang et al., arXiv:2009.13658). query and key are [B, A, L, D]; table is [2 P - 1, D], its row
// (l - r + P - 1) belonging to query position l and key position r. Returns the bias on the scaled
// scores, already divided by sqrt(D): [B, A, L, L].
Output relative_key_bias(const Output& query, const Output& key, const Output& table,
                         int64_t max_positions, bool key_too);

}  // namespace accel::models
