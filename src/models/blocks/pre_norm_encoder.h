// The encoder that ViT introduced (Dosovitskiy et al., arXiv:2010.11929) and DeiT, BEiT, DINOv2,
// YOLOS, CLIP and SigLIP kept: attention and feed-forward behind layer norm, each with its residual
// and, in some, a learned scale per channel (Touvron et al., arXiv:2103.17239).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "accel/status.h"
#include "models/config_reader.h"
#include "models/family.h"
#include "models/weights.h"

namespace accel::models {

// The names of a layer's tensors behind "LAYERS.N.".
struct PreNormNames {
  std::string layers;
  std::string attention_norm;
  std::string query, key, value, output;
  std::string attention_scale;  // empty: none
  std::string feed_forward_norm;
  std::string up, down;
  std::string feed_forward_scale;  // empty: none
};

// Of ViT, DeiT, YOLOS and BEiT.
const PreNormNames& vit_layer_names();

// The analyzer loses the fields on their way through Result.
struct PreNormEncoder {  // NOLINT(clang-analyzer-core.uninitialized.Assign)
  int64_t hidden = 0;
  int64_t layers = 0;
  int64_t heads = 1;
  int64_t intermediate = 0;
  double epsilon = 0;
  std::string activation;
  bool query_bias = true;
  bool key_bias = true;
  bool value_bias = true;
  bool gated = false;  // up to both halves of a SwiGLU (Shazeer, arXiv:2002.05202)
  PreNormNames names;
};

// What config.json may leave out and families disagree on.
struct PreNormDefaults {
  int64_t hidden = 768;
  int64_t heads = 12;
  int64_t intermediate = 3072;
  double epsilon = 1e-12;
  std::string_view activation = "gelu";
};

// The sizes and the activation; problems go to `in`. Names are the family's to add.
PreNormEncoder read_pre_norm_encoder(ConfigReader& in, const PreNormDefaults& defaults = {});

// Layer `index`: [B, L, H] -> [B, L, H]. `mask` is added to the scores, [B or 1, A or 1, L, L].
Result<Output> pre_norm_layer(Weights& weights, const PreNormEncoder& encoder, int64_t index,
                              const Output& x, const std::optional<Output>& mask);

// All layers. Adds their states, the embeddings first, to context.states as `group`.
Result<Output> pre_norm_encoder(BuildContext& context, const PreNormEncoder& encoder, Output x,
                                const std::optional<Output>& mask,
                                std::string_view group = "hidden_states");

}  // namespace accel::models
