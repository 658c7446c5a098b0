#include "models/blocks/towers.h"

#include <openvino/op/exp.hpp>
#include <openvino/op/matmul.hpp>
#include <openvino/op/transpose.hpp>

#include "base/try.h"
#include "models/blocks/blocks.h"
#include "models/blocks/pooling.h"

namespace accel::models {
namespace {

PreNormEncoder tower_encoder(ConfigReader& in, const PreNormDefaults& defaults) {
  PreNormEncoder encoder = read_pre_norm_encoder(in, defaults);
  encoder.names = {
      .layers = "encoder.layers.",
      .attention_norm = "layer_norm1",
      .query = "self_attn.q_proj",
      .key = "self_attn.k_proj",
      .value = "self_attn.v_proj",
      .output = "self_attn.out_proj",
      .attention_scale = "",
      .feed_forward_norm = "layer_norm2",
      .up = "mlp.fc1",
      .down = "mlp.fc2",
      .feed_forward_scale = "",
  };
  return encoder;
}

Result<Output> layers(BuildContext& context, PreNormEncoder encoder, const TowerNames& names,
                      const Output& x, const std::optional<Output>& mask) {
  encoder.names.layers = names.prefix + encoder.names.layers;
  return pre_norm_encoder(context, encoder, x, mask, names.states);
}

}  // namespace

TextTower read_text_tower(ConfigReader& in, const PreNormDefaults& defaults, int64_t vocabulary,
                          int64_t positions) {
  return {.encoder = tower_encoder(in, defaults),
          .vocabulary = in.size_or("vocab_size", vocabulary),
          .positions = in.size_or("max_position_embeddings", positions)};
}

ImageTower read_image_tower(ConfigReader& in, const PreNormDefaults& defaults, int64_t patch) {
  return {.encoder = tower_encoder(in, defaults),
          .patches = read_patches(in, {.patch_height = patch, .patch_width = patch})};
}

Facts facts_of(const TextTower& tower) {
  return {.hidden_size = tower.encoder.hidden,
          .layers = tower.encoder.layers,
          .vocabulary = tower.vocabulary,
          .max_positions = tower.positions,
          .index_limits = {{"input_ids", tower.vocabulary}, {"position_ids", tower.positions}}};
}

Facts facts_of(const ImageTower& tower) {
  return {.hidden_size = tower.encoder.hidden,
          .layers = tower.encoder.layers,
          .input_shapes = {{"pixel_values", tower.patches.input_shape()}}};
}

Facts facts_of(const TextTower& text, const ImageTower& image) {
  Facts facts = facts_of(text);
  facts.input_shapes = facts_of(image).input_shapes;
  return facts;
}

Result<WantedTowers> wanted_towers(const GraphInputs& inputs) {
  const WantedTowers wanted{inputs.wants("input_ids"), inputs.wants("pixel_values")};
  if (wanted.text || wanted.image) return wanted;
  return invalid_argument("inputs: expected input_ids, pixel_values or both, found neither; give "
                          "texts as input_ids and "
                          "images as pixel_values");
}

Result<Output> text_states(BuildContext& context, const TextTower& tower, const TowerNames& names,
                           const std::optional<Output>& mask) {
  Weights& weights = context.weights;
  const PreNormEncoder& encoder = tower.encoder;
  const Output ids = *context.inputs.take("input_ids");
  const auto given = context.inputs.take("position_ids");
  const std::string tables = names.prefix + "embeddings.";
  const Output x = add(
      embedding(weights, tables + "token_embedding.weight", ids, tower.vocabulary, encoder.hidden),
      embedding(weights, tables + "position_embedding.weight", given ? *given : positions_of(ids),
                tower.positions, encoder.hidden));
  weights.skip(tables + "position_ids");  // a buffer of old checkpoints
  ACCEL_ASSIGN(const Output states, layers(context, encoder, names, x, mask));
  return layer_norm(weights, names.prefix + "final_layer_norm", states, encoder.hidden,
                    encoder.epsilon);
}

Result<Output> image_states(BuildContext& context, const ImageTower& tower, const TowerNames& names,
                            const Output& x) {
  context.weights.skip(names.prefix + "embeddings.position_ids");
  return layers(context, tower.encoder, names, x, std::nullopt);
}

std::vector<NamedOutput> similarities(const Output& texts, const Output& images,
                                      const Output& scale, const std::optional<Output>& bias) {
  const Output text = unit_length(texts);
  const Output image = unit_length(images);
  const auto cosines = std::make_shared<ov::op::v0::MatMul>(text, image, false, true);
  Output per_text = multiply(cosines, std::make_shared<ov::op::v0::Exp>(scale));
  if (bias) per_text = add(per_text, *bias);
  const auto per_image = std::make_shared<ov::op::v1::Transpose>(per_text, integers({1, 0}));
  return {{"logits_per_image", per_image},
          {"logits_per_text", per_text},
          {"text_embeds", text},
          {"image_embeds", image}};
}

}  // namespace accel::models
