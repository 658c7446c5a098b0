// Relative position biases: values added to the attention scores that depend on the distance
// between the two tokens.
#pragma once

#include <cstdint>
#include <vector>

#include "models/weights.h"

namespace accel::models {

// BERT's "relative_key" and, with `key_too`, "relative_key_query" (Shaw et al., arXiv:1803.02155;
// Huang et al., arXiv:2009.13658). query and key are [B, A, L, D]; table is [2 P - 1, D], its row
// (l - r + P - 1) belonging to query position l and key position r. Returns the bias on the scaled
// scores, divided by sqrt(D) as they are if `scaled`: [B, A, L, L].
Output relative_key_bias(const Output& query, const Output& key, const Output& table,
                         int64_t max_positions, bool key_too, bool scaled = true);

// T5's bucket of a distance, key position - query position (Raffel et al., arXiv:1910.10683, 2.1):
// one each for short distances, then logarithmically wider ones up to max_distance; half of them
// for keys before the query, half for those behind it.
int64_t distance_bucket(int64_t distance, int64_t buckets, int64_t max_distance);

// The bias that depends on nothing but the distance: `table` is [buckets, A], and `buckets` says
// which row belongs to the distances -M .. M, those beyond counting as M. For the L of x
// [B, L, ..]: [1, A, L, L].
Output distance_bias(const Output& table, const std::vector<int64_t>& buckets, const Output& x);

}  // namespace accel::models
