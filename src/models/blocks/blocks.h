// The building blocks of transformer encoders: free functions from graph values to graph values.
// B: batch, L: tokens, H: hidden size, A: attention heads, D = H / A. All values are f32 unless
// said otherwise. They add nodes and never compute; shapes are checked by the nodes themselves.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accel/status.h"
#include "models/weights.h"

namespace accel::models {

// --- constants ---------------------------------------------------------------------------------

Output scalar(float value);
Output integers(const std::vector<int64_t>& values);  // i64 [n]

// --- arithmetic --------------------------------------------------------------------------------

Output add(const Output& a, const Output& b);       // with numpy's broadcasting
Output multiply(const Output& a, const Output& b);  // likewise
Output first_token(const Output& x);                // [B, L, H] -> [B, H]

// --- dense -------------------------------------------------------------------------------------

// x W^T + b with "NAME.weight" [out, in] and "NAME.bias" [out] (absent when !bias): [.., in] ->
// [.., out].
Output linear(Weights& weights, const std::string& name, const Output& x, int64_t in, int64_t out,
              bool bias = true);

// Layer normalisation over the last axis with "NAME.weight" and "NAME.bias" [size] (Ba et al.,
// arXiv:1607.06450).
Output layer_norm(Weights& weights, const std::string& name, const Output& x, int64_t size,
                  double epsilon);

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

// [B, L, A*D] -> [B, A, L, D].
Output split_heads(const Output& x, int64_t heads, int64_t head_size);

// [B, A, L, D] -> [B, L, A*D].
Output merge_heads(const Output& x, int64_t hidden);

// softmax(scale q k^T + mask) v for q, k, v [B, A, L, D]; `mask` broadcasts to [B, A, L, L].
// Without a scale, 1 / sqrt(D) (Vaswani et al., arXiv:1706.03762).
Output attention(const Output& query, const Output& key, const Output& value,
                 const std::optional<Output>& mask, std::optional<float> scale = std::nullopt);

}  // namespace accel::models
