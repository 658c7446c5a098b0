// BERT's encoder with rotary positions (Su et al., arXiv:2104.09864) and gated feed-forward blocks
// (Shazeer, arXiv:2002.05202): each with its residual and then a norm. Nomic-BERT and GTE.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "accel/status.h"
#include "models/blocks/rotary.h"
#include "models/family.h"
#include "models/weights.h"

namespace accel::models {

enum class NormKind { kLayer, kRms };

// The analyzer loses the fields on their way through Result.
struct RotaryEncoder {  // NOLINT(clang-analyzer-core.uninitialized.Assign)
  int64_t hidden = 0;
  int64_t layers = 0;
  int64_t heads = 1;
  int64_t head_size = 0;
  int64_t intermediate = 0;
  double epsilon = 0;
  NormKind norm = NormKind::kLayer;
  std::string activation;
  bool gated = true;             // else a plain feed-forward block, up and down
  std::optional<Rotary> rotary;  // none: positions were added to the embeddings
  bool projection_bias = false;  // of query, key and value
  bool output_bias = false;      // of what attention gives
  bool up_bias = false;          // of gate and up
  bool down_bias = false;
};

// What the tensors of a layer are called below `layers` + "N.".
struct RotaryEncoderNames {
  std::string_view layers;
  std::string_view packed_projection;  // of query, key and value; empty: the three that follow
  std::string_view query, key, value;
  std::string_view output;
  std::string_view attention_norm;
  std::string_view packed_up_gate;  // up first; empty: the two that follow
  std::string_view up, gate;
  std::string_view down;
  std::string_view feed_forward_norm;
};

// The names under which transformers 5 keeps these models in memory.
inline constexpr RotaryEncoderNames kRotaryEncoderNames{
    .layers = "layers.",
    .packed_projection = {},
    .query = "self_attn.q_proj",
    .key = "self_attn.k_proj",
    .value = "self_attn.v_proj",
    .output = "self_attn.o_proj",
    .attention_norm = "post_attention_layernorm",
    .packed_up_gate = {},
    .up = "mlp.up_proj",
    .gate = "mlp.gate_proj",
    .down = "mlp.down_proj",
    .feed_forward_norm = "post_mlp_layernorm",
};

// The norm of the kind that the encoder has: [.., H] -> [.., H].
Output encoder_norm(Weights& weights, const RotaryEncoder& encoder, const std::string& name,
                    const Output& x);

// All layers: embeddings [B, L, H] to states [B, L, H]. Adds them all, the embeddings first, to
// context.states. `positions` is i64 [L] or [B, L], `mask` additive, [B, 1, 1, L].
Result<Output> rotary_encoder(BuildContext& context, const RotaryEncoder& encoder,
                              const RotaryEncoderNames& names, Output x, const Output& positions,
                              const std::optional<Output>& mask);

}  // namespace accel::models
