// Rotary position embeddings (Su et al., arXiv:2104.09864): queries and keys are turned, pair of
// numbers by pair, by angles that grow with the token's position. Every kind of scaling that the
// reference library has for contexts longer than those of training.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "models/config_reader.h"
#include "models/weights.h"

namespace accel::models {

// Which numbers of a head make a pair: i and i + R / 2 (Llama), or 2 i and 2 i + 1 (GPT-J).
enum class RotaryLayout { kHalves, kNeighbours };

// What the family knows and config.json may leave out.
struct RotarySource {
  int64_t head_size = 0;
  int64_t positions = 0;  // max_position_embeddings
  double theta = 10000;
  double fraction = 1;                         // of each head that is turned
  std::string_view layer_type = {};            // its key where rope_parameters has one per type
  std::string_view theta_name = "rope_theta";  // of configs without rope_parameters
  bool scaling = true;                         // whether "rope_scaling" is about it
  RotaryLayout layout = RotaryLayout::kHalves;
};

// R: how much of a head is turned.
struct Rotary {
  std::vector<float> frequencies;  // radians per position: [R / 2]
  float magnitude = 1;             // of the turned values
  RotaryLayout layout = RotaryLayout::kHalves;
  // Of sequences with more positions than `limit`; 0: of none.
  int64_t limit = 0;
  std::vector<float> long_frequencies = {};  // LongRoPE
  double theta = 0;                          // dynamic NTK, with its `factor`
  double factor = 0;
};

// From "rope_parameters" (also nested per layer type), or from "rope_theta" and "rope_scaling".
// Problems go to `in`.
Rotary read_rotary(ConfigReader& in, const RotarySource& source);

// What one forward pass turns by: cosines and sines [B, 1, L, R] or [1, 1, L, R].
struct RotaryTable {
  Output cosines;
  Output sines;
  int64_t size = 0;  // R
  RotaryLayout layout = RotaryLayout::kHalves;
};

// For `positions` i64 [B, L] or [L].
RotaryTable rotary_table(const Rotary& rotary, const Output& positions);

// x [B, A, L, D] turned; of each head the first R numbers, R <= D.
Output turn(const Output& x, const RotaryTable& table);

}  // namespace accel::models
