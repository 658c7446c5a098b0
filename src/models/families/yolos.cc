// YOLOS (Fang et al., arXiv:2106.00666): a vision transformer that finds objects by tokens behind
// the patches.
#include <array>
#include <openvino/op/constant.hpp>
#include <openvino/op/gather.hpp>
#include <openvino/op/sigmoid.hpp>

#include "base/try.h"
#include "models/blocks/blocks.h"
#include "models/blocks/heads.h"
#include "models/blocks/patch_embedding.h"
#include "models/blocks/pre_norm_encoder.h"
#include "models/config_reader.h"
#include "models/families/families.h"

namespace accel::models {
namespace yolos {
namespace {

// --- config ------------------------------------------------------------------------------------

// The analyzer loses the fields on their way through Result.
struct YolosConfig {  // NOLINT(clang-analyzer-core.uninitialized.Assign)
  PreNormEncoder encoder;
  Patches patches;
  int64_t detections = 0;        // tokens that become objects
  bool middle_positions = true;  // added between layers, too

  PositionTable positions() const {
    return {.rows = patches.rows(), .columns = patches.columns(), .after = detections};
  }
};

Result<YolosConfig> read_config(const Json& json) {
  ConfigReader in(json);
  YolosConfig config{
      .encoder = read_pre_norm_encoder(in),
      .patches = read_patches(in, {.image_height = 512, .image_width = 864}),
      .detections = in.size_or("num_detection_tokens", 100),
      .middle_positions = in.flag_or("use_mid_position_embeddings", true),
  };
  PreNormEncoder& encoder = config.encoder;
  const bool bias = in.flag_or("qkv_bias", true);
  encoder.query_bias = encoder.key_bias = encoder.value_bias = bias;
  ACCEL_TRY(in.status());
  return config;
}

Result<Facts> facts(const Json& json) {
  ACCEL_ASSIGN(const YolosConfig config, read_config(json));
  ACCEL_ASSIGN(const int64_t labels, label_count(json));
  return Facts{.hidden_size = config.encoder.hidden,
               .layers = config.encoder.layers,
               .labels = labels,
               .input_shapes = {{"pixel_values", config.patches.free_input_shape()}}};
}

// --- weight names ------------------------------------------------------------------------------

constexpr std::array<std::string_view, 2> kPrefixes{"", "vit."};

constexpr std::array<std::string_view, 3> kUnused{"pooler.", "class_labels_classifier.",
                                                  "bbox_predictor."};

// --- build -------------------------------------------------------------------------------------

// Images to normalised states of the class token, the patches and the detections: [B, L, H].
Result<Output> encode(BuildContext& context, const YolosConfig& config) {
  Weights& weights = context.weights;
  const int64_t hidden = config.encoder.hidden;
  const int64_t layers = config.encoder.layers;
  const PositionTable positions = config.positions();
  const Output grid = patch_grid(weights, "embeddings.patch_embeddings.projection",
                                 *context.inputs.take("pixel_values"), config.patches, hidden);
  const auto resized_table = [&](const Output& table) {
    return resized_positions(table, positions, grid_size(grid), Resize::kBicubic);
  };
  const SplitPositions at =
      resized_table(weights.get("embeddings.position_embeddings", {1, positions.count(), hidden}));
  const Output cls = weights.get("embeddings.cls_token", {1, 1, hidden});
  const Output found = weights.get("embeddings.detection_tokens", {1, config.detections, hidden});
  Output x = with_tokens({add(cls, at.before)}, add(grid_tokens(grid), at.patches),
                         {add(found, at.after)});
  context.keep_state(x);
  std::optional<Output> middle;
  if (config.middle_positions && layers > 1) {
    middle =
        weights.get("encoder.mid_position_embeddings", {layers - 1, 1, positions.count(), hidden});
  }
  for (int64_t i = 0; i < layers; ++i) {
    ACCEL_ASSIGN(x, pre_norm_layer(weights, config.encoder, i, x, std::nullopt));
    context.keep_state(x);
    if (!middle || i + 1 == layers) continue;
    const auto number = [](int64_t value) {
      return ov::op::v0::Constant::create(ov::element::i64, ov::Shape{}, {value});
    };
    const SplitPositions next =
        resized_table(std::make_shared<ov::op::v8::Gather>(*middle, number(i), number(0)));
    x = add(x, with_tokens({next.before}, next.patches, {next.after}));
  }
  return layer_norm(weights, "layernorm", x, hidden, config.encoder.epsilon);
}

// Three dense layers "NAME.layers.N" with ReLU between: [B, L, H] -> [B, L, out].
Result<Output> prediction(Weights& weights, const std::string& name, Output x, int64_t hidden,
                          int64_t out) {
  for (int64_t i = 0; i < 2; ++i) {
    const Output dense = linear(weights, name + ".layers." + std::to_string(i), x, hidden, hidden);
    ACCEL_ASSIGN(x, activation("relu", dense));
  }
  return linear(weights, name + ".layers.2", x, hidden, out);
}

Result<std::vector<NamedOutput>> build(BuildContext& context) {
  ACCEL_ASSIGN(const YolosConfig config, read_config(context.config));
  Weights& weights = context.weights;
  const int64_t hidden = config.encoder.hidden;
  weights.choose_prefix(kPrefixes, "embeddings.cls_token");
  ACCEL_ASSIGN(const Output x, encode(context, config));
  if (context.head == Head::kObjectDetection) {
    ACCEL_ASSIGN(const int64_t labels, label_count(context));
    const Output objects = tokens_from(x, -config.detections);
    ACCEL_ASSIGN(const Output logits,
                 prediction(weights, "class_labels_classifier", objects, hidden, labels + 1));
    ACCEL_ASSIGN(const Output boxes, prediction(weights, "bbox_predictor", objects, hidden, 4));
    return std::vector<NamedOutput>{{"logits", logits},
                                    {"pred_boxes", std::make_shared<ov::op::v0::Sigmoid>(boxes)}};
  }
  std::vector<NamedOutput> outputs{{"last_hidden_state", x}};
  if (weights.has("pooler.dense.weight")) {
    const Output dense = linear(weights, "pooler.dense", first_token(x), hidden, hidden);
    ACCEL_ASSIGN(const Output pooled, activation("tanh", dense));
    outputs.push_back({"pooler_output", pooled});
  }
  return outputs;
}

// --- descriptor --------------------------------------------------------------------------------

constexpr std::array<Architecture, 2> kArchitectures{{
    {"YolosModel", Head::kBase},
    {"YolosForObjectDetection", Head::kObjectDetection},
}};

const std::array<InputSpec, 1> kInputs{{
    {"pixel_values", DType::kF32, {-1, -1, -1, -1}, Needed::kAlways},
}};

}  // namespace
}  // namespace yolos

const Family kYolos{
    .model_type = "yolos",
    .title = "YOLOS",
    .reference = "arXiv:2106.00666",
    .architectures = yolos::kArchitectures,
    .inputs = yolos::kInputs,
    .unused_weights = yolos::kUnused,
    .facts = yolos::facts,
    .build = yolos::build,
};

}  // namespace accel::models
