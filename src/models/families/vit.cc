// ViT (Dosovitskiy et al., arXiv:2010.11929) and DeiT (Touvron et al., arXiv:2012.12877): images as
// patches behind a class token and, in DeiT, one that learned from a teacher.
#include <array>

#include "base/try.h"
#include "models/blocks/blocks.h"
#include "models/blocks/heads.h"
#include "models/blocks/patch_embedding.h"
#include "models/blocks/pre_norm_encoder.h"
#include "models/config_reader.h"
#include "models/families/families.h"

namespace accel::models {
namespace vit {
namespace {

// --- config ------------------------------------------------------------------------------------

// The analyzer loses the fields on their way through Result.
struct VitConfig {  // NOLINT(clang-analyzer-core.uninitialized.Assign)
  PreNormEncoder encoder;
  Patches patches;
  int64_t pooled = 0;  // the pooler's output size
  std::string pooler_activation;
};

Result<VitConfig> read_config(const Json& json) {
  ConfigReader in(json);
  VitConfig config{
      .encoder = read_pre_norm_encoder(in),
      .patches = read_patches(in),
      .pooled = in.count_or("pooler_output_size", 0),
      .pooler_activation = in.text_or("pooler_act", "tanh"),
  };
  PreNormEncoder& encoder = config.encoder;
  const bool bias = in.flag_or("qkv_bias", true);
  encoder.query_bias = encoder.key_bias = encoder.value_bias = bias;
  if (config.pooled == 0) config.pooled = encoder.hidden;
  ACCEL_TRY(in.status());
  return config;
}

Result<Facts> facts(const Json& json) {
  ACCEL_ASSIGN(const VitConfig config, read_config(json));
  ACCEL_ASSIGN(const int64_t labels, label_count(json));
  return Facts{.hidden_size = config.encoder.hidden,
               .layers = config.encoder.layers,
               .labels = labels,
               .input_shapes = {{"pixel_values", config.patches.input_shape()}}};
}

// --- weight names ------------------------------------------------------------------------------

constexpr std::array<std::string_view, 3> kPrefixes{"", "vit.", "deit."};

constexpr std::array<std::string_view, 6> kUnused{
    "embeddings.mask_token",    "pooler.",  "classifier.", "cls_classifier.",
    "distillation_classifier.", "decoder.",
};

// --- build -------------------------------------------------------------------------------------

// Images [B, channels, height, width] to normalised states [B, L, H] behind the tokens named.
Result<Output> encode(BuildContext& context, const VitConfig& config,
                      const std::vector<std::string>& token_names) {
  Weights& weights = context.weights;
  const PreNormEncoder& encoder = config.encoder;
  const int64_t hidden = encoder.hidden;
  std::vector<Output> tokens;
  for (const std::string& name : token_names) tokens.push_back(weights.get(name, {1, 1, hidden}));
  const Output images = *context.inputs.take("pixel_values");
  const Output patches = grid_tokens(patch_grid(weights, "embeddings.patch_embeddings.projection",
                                                images, config.patches, hidden));
  const int64_t length = config.patches.count() + static_cast<int64_t>(tokens.size());
  const Output x = add(with_tokens(tokens, patches),
                       weights.get("embeddings.position_embeddings", {1, length, hidden}));
  ACCEL_ASSIGN(const Output states, pre_norm_encoder(context, encoder, x, std::nullopt));
  return layer_norm(weights, "layernorm", states, hidden, encoder.epsilon);
}

Result<std::vector<NamedOutput>> base(BuildContext& context, const VitConfig& config,
                                      const Output& x) {
  std::vector<NamedOutput> outputs{{"last_hidden_state", x}};
  if (context.weights.has("pooler.dense.weight")) {
    const Output dense = linear(context.weights, "pooler.dense", first_token(x),
                                config.encoder.hidden, config.pooled);
    ACCEL_ASSIGN(const Output pooled, activation(config.pooler_activation, dense));
    outputs.push_back({"pooler_output", pooled});
  }
  return outputs;
}

Result<std::vector<NamedOutput>> build_vit(BuildContext& context) {
  ACCEL_ASSIGN(const VitConfig config, read_config(context.config));
  context.weights.choose_prefix(kPrefixes, "embeddings.cls_token");
  ACCEL_ASSIGN(const Output x, encode(context, config, {"embeddings.cls_token"}));
  if (context.head != Head::kImageClassification) return base(context, config, x);
  ACCEL_ASSIGN(const int64_t labels, label_count(context));
  return std::vector<NamedOutput>{{"logits", linear(context.weights, "classifier", first_token(x),
                                                    config.encoder.hidden, labels)}};
}

Result<std::vector<NamedOutput>> build_deit(BuildContext& context) {
  ACCEL_ASSIGN(const VitConfig config, read_config(context.config));
  Weights& weights = context.weights;
  weights.choose_prefix(kPrefixes, "embeddings.cls_token");
  ACCEL_ASSIGN(const Output x,
               encode(context, config, {"embeddings.cls_token", "embeddings.distillation_token"}));
  if (context.head != Head::kImageClassification) return base(context, config, x);
  const int64_t hidden = config.encoder.hidden;
  ACCEL_ASSIGN(const int64_t labels, label_count(context));
  // With a teacher's head or without: the two are not stored together.
  if (!weights.has("cls_classifier.weight")) {
    return std::vector<NamedOutput>{
        {"logits", linear(weights, "classifier", first_token(x), hidden, labels)}};
  }
  const Output own = linear(weights, "cls_classifier", first_token(x), hidden, labels);
  const Output taught = linear(weights, "distillation_classifier", token(x, 1), hidden, labels);
  return std::vector<NamedOutput>{{"logits", multiply(add(own, taught), scalar(0.5F))},
                                  {"cls_logits", own},
                                  {"distillation_logits", taught}};
}

// --- descriptors -------------------------------------------------------------------------------

constexpr std::array<Architecture, 2> kVitArchitectures{{
    {"ViTModel", Head::kBase},
    {"ViTForImageClassification", Head::kImageClassification},
}};
constexpr std::array<Architecture, 3> kDeitArchitectures{{
    {"DeiTModel", Head::kBase},
    {"DeiTForImageClassification", Head::kImageClassification},
    {"DeiTForImageClassificationWithTeacher", Head::kImageClassification},
}};

const std::array<InputSpec, 1> kInputs{{
    {"pixel_values", DType::kF32, {-1, -1, -1, -1}, Needed::kAlways},
}};

}  // namespace
}  // namespace vit

const Family kVit{
    .model_type = "vit",
    .title = "ViT",
    .reference = "arXiv:2010.11929",
    .architectures = vit::kVitArchitectures,
    .inputs = vit::kInputs,
    .unused_weights = vit::kUnused,
    .facts = vit::facts,
    .build = vit::build_vit,
};

const Family kDeit{
    .model_type = "deit",
    .title = "DeiT",
    .reference = "arXiv:2012.12877",
    .architectures = vit::kDeitArchitectures,
    .inputs = vit::kInputs,
    .unused_weights = vit::kUnused,
    .facts = vit::facts,
    .build = vit::build_deit,
};

}  // namespace accel::models
