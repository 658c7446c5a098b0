// SigLIP (Zhai et al., arXiv:2303.15343): as CLIP a tower for texts and one for images, but trained
// pair by pair; the image's states are pooled by attention. Which tower is built follows the
// inputs.
#include <array>
#include <openvino/op/constant.hpp>
#include <openvino/op/matmul.hpp>
#include <openvino/op/split.hpp>

#include "base/try.h"
#include "models/blocks/blocks.h"
#include "models/blocks/heads.h"
#include "models/blocks/towers.h"
#include "models/config_reader.h"
#include "models/families/families.h"

namespace accel::models {
namespace siglip {
namespace {

// --- config ------------------------------------------------------------------------------------

struct TextConfig {
  TextTower tower;
  int64_t projection = 0;
};
struct VisionConfig {
  ImageTower tower;
  bool head = true;  // pools by attention
};
struct SiglipConfig {
  TextConfig text;
  VisionConfig vision;
};

constexpr PreNormDefaults kDefaults{.epsilon = 1e-6, .activation = "gelu_pytorch_tanh"};

Result<TextConfig> read_text(const Json& json) {
  ConfigReader in(json);
  TextConfig config{.tower = read_text_tower(in, kDefaults, 32000, 64)};
  config.projection = in.size_or("projection_size", config.tower.encoder.hidden);
  ACCEL_TRY(in.status());
  return config;
}

Result<VisionConfig> read_vision(const Json& json) {
  ConfigReader in(json);
  VisionConfig config{.tower = read_image_tower(in, kDefaults, 16),
                      .head = in.flag_or("vision_use_head", true)};
  ACCEL_TRY(in.status());
  return config;
}

Json part(const Json& json, const char* name) {
  const auto it = json.find(name);
  return it == json.end() || it->is_null() ? Json::object() : *it;
}

Result<SiglipConfig> read_config(const Json& json) {
  ConfigReader in(json);
  ACCEL_TRY(in.status());
  Result<TextConfig> text = read_text(part(json, "text_config"));
  if (!text.ok()) return text.status().with_context("text_config");
  Result<VisionConfig> vision = read_vision(part(json, "vision_config"));
  if (!vision.ok()) return vision.status().with_context("vision_config");
  return SiglipConfig{std::move(*text), std::move(*vision)};
}

Result<Facts> facts(const Json& json) {
  ACCEL_ASSIGN(const SiglipConfig config, read_config(json));
  Facts facts = facts_of(config.text.tower, config.vision.tower);
  ACCEL_ASSIGN(facts.labels, label_count(json));
  return facts;
}

Result<Facts> text_facts(const Json& json) {
  ACCEL_ASSIGN(const TextConfig config, read_text(json));
  return facts_of(config.tower);
}

Result<Facts> vision_facts(const Json& json) {
  ACCEL_ASSIGN(const VisionConfig config, read_vision(json));
  return facts_of(config.tower);
}

// --- weight names ------------------------------------------------------------------------------

constexpr std::array<std::string_view, 2> kTextPrefixes{"text_model.", ""};
constexpr std::array<std::string_view, 2> kVisionPrefixes{"vision_model.", ""};

constexpr std::array<std::string_view, 3> kUnused{"classifier.", "logit_scale", "logit_bias"};
constexpr std::array<std::string_view, 3> kTextUnused{"vision_model.", "logit_scale", "logit_bias"};
constexpr std::array<std::string_view, 3> kVisionUnused{"text_model.", "logit_scale", "logit_bias"};

// --- build -------------------------------------------------------------------------------------

// What a tower gives: all states, and those that stand for the whole (of an image without a head,
// none).
struct Tower {
  Output states;  // [B, L, H]
  Output pooled;  // [B, H]
};

// The last token stands for all, padding or not. Every token sees every other; the reference
// library's own processing pads to the full length and gives no mask.
Result<Tower> text_tower(BuildContext& context, const TextConfig& config, const TowerNames& names) {
  const auto mask = additive_mask(context.inputs.take("attention_mask"));
  ACCEL_ASSIGN(const Output x, text_states(context, config.tower, names, mask));
  return Tower{x, linear(context.weights, names.prefix + "head", token(x, -1),
                         config.tower.encoder.hidden, config.projection)};
}

// One learned query that attends to all patches, and a feed-forward: [B, P, H] -> [B, H].
Result<Output> attention_pooling(Weights& weights, const PreNormEncoder& config,
                                 const std::string& name, const Output& x) {
  const int64_t hidden = config.hidden;
  const auto zero = ov::op::v0::Constant::create(ov::element::i64, ov::Shape{}, {0});
  const auto matrices = std::make_shared<ov::op::v1::Split>(
      weights.get(name + "attention.in_proj_weight", {3 * hidden, hidden}), zero, 3);
  const auto biases = std::make_shared<ov::op::v1::Split>(
      weights.get(name + "attention.in_proj_bias", {3 * hidden}), zero, 3);
  const auto project = [&](const Output& y, size_t i) {
    const Output product =
        std::make_shared<ov::op::v0::MatMul>(y, matrices->output(i), false, true);
    return split_heads(add(product, biases->output(i)), config.heads, hidden / config.heads);
  };
  const Output probe = repeated_tokens(weights.get(name + "probe", {1, 1, hidden}), x);
  const Output mixed =
      merge_heads(attention(project(probe, 0), project(x, 1), project(x, 2), {}), hidden);
  const Output pooled = linear(weights, name + "attention.out_proj", mixed, hidden, hidden);
  const Output normal = layer_norm(weights, name + "layernorm", pooled, hidden, config.epsilon);
  const Output wide = linear(weights, name + "mlp.fc1", normal, hidden, config.intermediate);
  ACCEL_ASSIGN(const Output active, activation(config.activation, wide));
  return first_token(
      add(pooled, linear(weights, name + "mlp.fc2", active, config.intermediate, hidden)));
}

Result<Tower> image_tower(BuildContext& context, const VisionConfig& config,
                          const TowerNames& names) {
  Weights& weights = context.weights;
  const PreNormEncoder& encoder = config.tower.encoder;
  const Patches& patches = config.tower.patches;
  const int64_t hidden = encoder.hidden;
  const Output grid = patch_grid(weights, names.prefix + "embeddings.patch_embedding",
                                 *context.inputs.take("pixel_values"), patches, hidden);
  const Output positions =
      weights.get(names.prefix + "embeddings.position_embedding.weight", {patches.count(), hidden});
  ACCEL_ASSIGN(Output x,
               image_states(context, config.tower, names, add(grid_tokens(grid), positions)));
  x = layer_norm(weights, names.prefix + "post_layernorm", x, hidden, encoder.epsilon);
  Tower tower{x, {}};
  if (config.head && context.head != Head::kImageClassification) {
    ACCEL_ASSIGN(tower.pooled, attention_pooling(weights, encoder, names.prefix + "head.", x));
  }
  return tower;
}

std::vector<NamedOutput> base(const Tower& tower) {
  std::vector<NamedOutput> outputs{{"last_hidden_state", tower.states}};
  if (tower.pooled.get_node() != nullptr) outputs.push_back({"pooler_output", tower.pooled});
  return outputs;
}

// Of a model that compares texts with images, what is compared: the pooled states themselves.
std::vector<NamedOutput> with_embedding(Head head, const Tower& tower, std::string_view name) {
  std::vector<NamedOutput> outputs = base(tower);
  const bool compares = head == Head::kZeroShotImage && tower.pooled.get_node() != nullptr;
  if (compares) outputs.push_back({std::string(name), tower.pooled});
  return outputs;
}

Result<std::vector<NamedOutput>> classify(BuildContext& context, const SiglipConfig& config) {
  Weights& weights = context.weights;
  if (!context.inputs.wants("pixel_values")) {
    return invalid_argument("pixel_values: expected images, found none");
  }
  weights.skip("text_model.");
  weights.skip("vision_model.head.");
  ACCEL_ASSIGN(const Tower image, image_tower(context, config.vision, {"vision_model."}));
  ACCEL_ASSIGN(const int64_t labels, label_count(context));
  return std::vector<NamedOutput>{{"logits", linear(weights, "classifier", mean_token(image.states),
                                                    config.vision.tower.encoder.hidden, labels)}};
}

Result<std::vector<NamedOutput>> build(BuildContext& context) {
  ACCEL_ASSIGN(const SiglipConfig config, read_config(context.config));
  if (context.head == Head::kImageClassification) return classify(context, config);
  ACCEL_ASSIGN(const WantedTowers wanted, wanted_towers(context.inputs));
  Weights& weights = context.weights;
  if (!wanted.text) {
    weights.skip("text_model.");
    ACCEL_ASSIGN(const Tower image, image_tower(context, config.vision, {"vision_model."}));
    return with_embedding(context.head, image, "image_embeds");
  }
  if (!wanted.image) {
    weights.skip("vision_model.");
    ACCEL_ASSIGN(const Tower text, text_tower(context, config.text, {"text_model."}));
    return with_embedding(context.head, text, "text_embeds");
  }
  if (!config.vision.head || config.text.projection != config.vision.tower.encoder.hidden) {
    return invalid_argument(
        "text_config.projection_size: expected vision_config.hidden_size, and a vision_config with "
        "vision_use_head, to compare texts with images; give input_ids or pixel_values alone");
  }
  ACCEL_ASSIGN(const Tower text,
               text_tower(context, config.text, {"text_model.", "text_hidden_states"}));
  ACCEL_ASSIGN(const Tower image,
               image_tower(context, config.vision, {"vision_model.", "image_hidden_states"}));
  return similarities(text.pooled, image.pooled, weights.get("logit_scale", {1}),
                      weights.get("logit_bias", {1}));
}

Result<std::vector<NamedOutput>> build_text(BuildContext& context) {
  ACCEL_ASSIGN(const TextConfig config, read_text(context.config));
  context.weights.choose_prefix(kTextPrefixes, "embeddings.token_embedding.weight");
  ACCEL_ASSIGN(const Tower tower, text_tower(context, config, {}));
  return base(tower);
}

Result<std::vector<NamedOutput>> build_vision(BuildContext& context) {
  ACCEL_ASSIGN(const VisionConfig config, read_vision(context.config));
  context.weights.choose_prefix(kVisionPrefixes, "embeddings.patch_embedding.weight");
  ACCEL_ASSIGN(const Tower tower, image_tower(context, config, {}));
  return base(tower);
}

// --- descriptors -------------------------------------------------------------------------------

constexpr std::array<Architecture, 2> kArchitectures{{
    {"SiglipModel", Head::kZeroShotImage},
    {"SiglipForImageClassification", Head::kImageClassification},
}};
constexpr std::array<Architecture, 1> kTextArchitectures{{{"SiglipTextModel", Head::kBase}}};
constexpr std::array<Architecture, 1> kVisionArchitectures{{{"SiglipVisionModel", Head::kBase}}};

const std::array<InputSpec, 4> kInputs{{
    {"input_ids", DType::kI64, {-1, -1}, Needed::kUsually},
    {"pixel_values", DType::kF32, {-1, -1, -1, -1}, Needed::kUsually},
    {"attention_mask", DType::kI64, {-1, -1}, Needed::kOnRequest, "input_ids"},
    {"position_ids", DType::kI64, {-1, -1}, Needed::kOnRequest, "input_ids"},
}};
const std::array<InputSpec, 3> kTextInputs{{
    {"input_ids", DType::kI64, {-1, -1}, Needed::kAlways},
    {"attention_mask", DType::kI64, {-1, -1}, Needed::kOnRequest, "input_ids"},
    {"position_ids", DType::kI64, {-1, -1}, Needed::kOnRequest, "input_ids"},
}};
const std::array<InputSpec, 1> kVisionInputs{{
    {"pixel_values", DType::kF32, {-1, -1, -1, -1}, Needed::kAlways},
}};

}  // namespace
}  // namespace siglip

const Family kSiglip{
    .model_type = "siglip",
    .title = "SigLIP",
    .reference = "arXiv:2303.15343",
    .tokenizer = "SiglipTokenizer",
    .architectures = siglip::kArchitectures,
    .inputs = siglip::kInputs,
    .unused_weights = siglip::kUnused,
    .facts = siglip::facts,
    .build = siglip::build,
};

const Family kSiglipText{
    .model_type = "siglip_text_model",
    .title = "SigLIP's text model",
    .reference = "arXiv:2303.15343",
    .tokenizer = "SiglipTokenizer",
    .architectures = siglip::kTextArchitectures,
    .inputs = siglip::kTextInputs,
    .unused_weights = siglip::kTextUnused,
    .facts = siglip::text_facts,
    .build = siglip::build_text,
};

const Family kSiglipVision{
    .model_type = "siglip_vision_model",
    .title = "SigLIP's vision model",
    .reference = "arXiv:2303.15343",
    .architectures = siglip::kVisionArchitectures,
    .inputs = siglip::kVisionInputs,
    .unused_weights = siglip::kVisionUnused,
    .facts = siglip::vision_facts,
    .build = siglip::build_vision,
};

}  // namespace accel::models
