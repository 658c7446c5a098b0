// The building blocks of transformer encoders: free functions from graph values to graph values.
// B: batch, L: tokens, H: hidden size, A: attention heads, D = H / A. All values are f32 unless
// said otherwise. They add nodes and never compute; shapes are checked by the nodes themselves.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "accel/status.h"
#include "models/weights.h"

namespace accel::models {

// --- constants ---------------------------------------------------------------------------------

Output scalar(float value);
Output integer(int64_t value);                        // i64 []
Output integers(const std::vector<int64_t>& values);  // i64 [n]

// --- arithmetic --------------------------------------------------------------------------------

Output add(const Output& a, const Output& b);        // with numpy's broadcasting
Output multiply(const Output& a, const Output& b);   // likewise
Output minimum(const Output& a, const Output& b);    // likewise
Output first_token(const Output& x);                 // [B, L, H] -> [B, H]
Output token(const Output& x, int64_t index);        // likewise; below 0 counts from the end
Output tokens_from(const Output& x, int64_t index);  // [B, L, H] -> [B, L - index, H], likewise
Output mean_token(const Output& x);                  // [B, L, H] -> [B, H]

// --- dense -------------------------------------------------------------------------------------

// x W^T + b with "NAME.weight" [out, in] and "NAME.bias" [out] (absent when !bias): [.., in] ->
// [.., out].
Output linear(Weights& weights, const std::string& name, const Output& x, int64_t in, int64_t out,
              bool bias = true);

// Layer normalisation over the last axis with "NAME.weight" and "NAME.bias" [size] (absent when
// !bias) (Ba et al., arXiv:1607.06450).
Output layer_norm(Weights& weights, const std::string& name, const Output& x, int64_t size,
                  double epsilon, bool bias = true);

// x / sqrt(mean(x^2) + epsilon) over the last axis, times `offset` + "NAME.weight" [size] (Zhang
// and Sennrich, arXiv:1910.07467; Gemma's weights are stored less 1).
Output rms_norm(Weights& weights, const std::string& name, const Output& x, int64_t size,
                double epsilon, float offset = 0);

// --- feed-forward ------------------------------------------------------------------------------

// The two halves of the last axis, [.., 2 n] to [.., n].
std::pair<Output, Output> halves(const Output& x);

// activation(gate) * x (Shazeer, arXiv:2002.05202).
Result<Output> gated(std::string_view activation, const Output& gate, const Output& x);

// What the matrices of a gated feed-forward block are called: Llama's names.
struct GatedNames {
  std::string_view gate = "gate_proj";
  std::string_view up = "up_proj";
  std::string_view down = "down_proj";
};
struct GatedSizes {
  int64_t hidden;
  int64_t intermediate;
  bool bias = false;
};

// down(activation(gate(x)) * up(x)) of the matrices below `prefix`: [.., H] -> [.., H].
Result<Output> gated_feed_forward(Weights& weights, const std::string& prefix,
                                  const GatedSizes& sizes, std::string_view activation,
                                  const Output& x, const GatedNames& names = {});

// --- activations -------------------------------------------------------------------------------

// The reference library's name ("gelu", "gelu_new", "relu", "silu" ...) applied element-wise.
// INVALID_ARGUMENT listing the known names.
Result<Output> activation(std::string_view name, const Output& x);

// --- embeddings --------------------------------------------------------------------------------

// Rows of "NAME" [rows, size] by `ids` (any integer type): [..] -> [.., size].
Output embedding(Weights& weights, const std::string& name, const Output& ids, int64_t rows,
                 int64_t size);

// 0 .. L-1 as i64 [L], for the L of `ids` [B, L].
Output positions_of(const Output& ids);

// Positions that start behind the padding token's id, which padding itself keeps: of real tokens
// padding + 1, padding + 2 ... as i64 [B, L] (RoBERTa's create_position_ids_from_input_ids).
Output positions_behind_padding(const Output& ids, int64_t padding);

// --- attention ---------------------------------------------------------------------------------

// attention_mask [B, L] (1: real, 0: padding) as the additive f32 mask [B, 1, 1, L] with 0 and the
// lowest float. Without one, none.
std::optional<Output> additive_mask(const std::optional<Output>& attention_mask);

// The additive mask [1, 1, L, L], for the L of `ids` [B, L], by which token l sees l - before .. l
// + after; no number: all of that side. Combined with another mask by minimum().
Output window_mask(const Output& ids, std::optional<int64_t> before, std::optional<int64_t> after);

// The same by which a token sees itself and what comes before it.
Output causal_mask(const Output& ids);

// [B, L, A*D] -> [B, A, L, D].
Output split_heads(const Output& x, int64_t heads, int64_t head_size);

// Query, key and value [B, A, L, D] that one product made side by side: [B, L, 3*A*D].
std::array<Output, 3> split_packed_heads(const Output& x, int64_t heads, int64_t head_size);

// [B, A, L, D] -> [B, L, A*D].
Output merge_heads(const Output& x, int64_t hidden);

// Each head `times` times in a row, as grouped queries share keys and values: [B, K, L, D] ->
// [B, K * times, L, D] (Ainslie et al., arXiv:2305.13245).
Output repeat_heads(const Output& x, int64_t times);

struct AttentionOptions {
  std::optional<double> scale = std::nullopt;  // of the scores; usually 1 / sqrt(D)
  bool causal = false;  // tokens see themselves and what comes before; not with a mask
};

// softmax(q k^T / sqrt(D) + mask) v for q, k, v [B, A, L, D]; `mask` broadcasts to [B, A, L, L]
// (Vaswani et al., arXiv:1706.03762).
Output attention(const Output& query, const Output& key, const Output& value,
                 const std::optional<Output>& mask, const AttentionOptions& options = {});

}  // namespace accel::models
