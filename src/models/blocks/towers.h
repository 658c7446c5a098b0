// The two towers of models that compare texts with images (Radford et al., arXiv:2103.00020): each
// a pre-norm encoder with embeddings of its own. B: batch, L: tokens, P: patches, H: hidden size.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accel/status.h"
#include "models/blocks/patch_embedding.h"
#include "models/blocks/pre_norm_encoder.h"
#include "models/config_reader.h"
#include "models/family.h"

namespace accel::models {

// Where a tower's tensors and states are found.
struct TowerNames {
  std::string prefix;                         // of its tensors: "text_model.", or none
  std::string_view states = "hidden_states";  // their group
};

struct TextTower {
  PreNormEncoder encoder;
  int64_t vocabulary = 0;
  int64_t positions = 0;
};
struct ImageTower {
  PreNormEncoder encoder;
  Patches patches;
};

TextTower read_text_tower(ConfigReader& in, const PreNormDefaults& defaults, int64_t vocabulary,
                          int64_t positions);
ImageTower read_image_tower(ConfigReader& in, const PreNormDefaults& defaults, int64_t patch);

// What a tower's family reports of it.
Facts facts_of(const TextTower& tower);
Facts facts_of(const ImageTower& tower);
// Of both: the text's sizes and the image's shape.
Facts facts_of(const TextTower& text, const ImageTower& image);

// Which towers the wanted inputs allow: those of input_ids and pixel_values. INVALID_ARGUMENT for
// none.
struct WantedTowers {
  bool text = false;
  bool image = false;
};
Result<WantedTowers> wanted_towers(const GraphInputs& inputs);

// input_ids [B, L] to the rows of their tokens and positions (position_ids where wanted), through
// all layers, normalised by "final_layer_norm": [B, L, H].
Result<Output> text_states(BuildContext& context, const TextTower& tower, const TowerNames& names,
                           const std::optional<Output>& mask);

// Patches and tokens with their positions, [B, P, H], through all layers.
Result<Output> image_states(BuildContext& context, const ImageTower& tower, const TowerNames& names,
                            const Output& x);

// Both embeddings at unit length, and their cosines times e^"logit_scale" plus `bias`:
// logits_per_image [images, texts], logits_per_text, text_embeds and image_embeds.
std::vector<NamedOutput> similarities(const Output& texts, const Output& images,
                                      const Output& scale, const std::optional<Output>& bias);

}  // namespace accel::models
