// DINOv2 (Oquab et al., arXiv:2304.07193), plain and with registers (Darcet et al.,
// arXiv:2309.16588): a vision transformer for images of every size.
#include <array>
#include <openvino/op/concat.hpp>

#include "base/try.h"
#include "models/blocks/blocks.h"
#include "models/blocks/heads.h"
#include "models/blocks/patch_embedding.h"
#include "models/blocks/pre_norm_encoder.h"
#include "models/config_reader.h"
#include "models/families/families.h"

namespace accel::models {
namespace dinov2 {
namespace {

// --- config ------------------------------------------------------------------------------------

// The analyzer loses the fields on their way through Result.
struct Dinov2Config {  // NOLINT(clang-analyzer-core.uninitialized.Assign)
  PreNormEncoder encoder;
  Patches patches;
  int64_t registers = 0;
  Resize resize = Resize::kBicubic;
};

// What the two kinds disagree on.
struct Kind {
  int64_t patch = 14;
  int64_t registers = 0;
  Resize resize = Resize::kBicubic;
};
constexpr Kind kPlain{};
constexpr Kind kWithRegisters{.patch = 16, .registers = 4, .resize = Resize::kBicubicAntialias};

// Names of the layers' tensors.
PreNormNames layer_names(bool gated) {
  PreNormNames names = vit_layer_names();
  names.attention_norm = "norm1";
  names.attention_scale = "layer_scale1.lambda1";
  names.feed_forward_norm = "norm2";
  names.up = gated ? "mlp.weights_in" : "mlp.fc1";
  names.down = gated ? "mlp.weights_out" : "mlp.fc2";
  names.feed_forward_scale = "layer_scale2.lambda1";
  return names;
}

Result<Dinov2Config> read_config(const Json& json, const Kind& kind) {
  ConfigReader in(json);
  Dinov2Config config{
      .encoder = read_pre_norm_encoder(in, {.epsilon = 1e-6}),
      .patches = read_patches(in, {.patch_height = kind.patch, .patch_width = kind.patch}),
      .registers = kind.registers > 0 ? in.count_or("num_register_tokens", kind.registers) : 0,
      .resize = kind.resize,
  };
  PreNormEncoder& encoder = config.encoder;
  const bool bias = in.flag_or("qkv_bias", true);
  encoder.query_bias = encoder.key_bias = encoder.value_bias = bias;
  encoder.gated = in.flag_or("use_swiglu_ffn", false);
  encoder.names = layer_names(encoder.gated);
  const double ratio = in.number_or("mlp_ratio", 4);
  if (!(ratio > 0 && ratio <= 1024)) in.problem("mlp_ratio: expected a number from 0 to 1024");
  ACCEL_TRY(in.status());
  encoder.intermediate = static_cast<int64_t>(static_cast<double>(encoder.hidden) * ratio);
  if (encoder.gated) {  // two thirds, to the next multiple of 8
    const double third = static_cast<double>(encoder.intermediate * 2) / 3;
    encoder.intermediate = (static_cast<int64_t>(third) + 7) / 8 * 8;
  }
  if (encoder.intermediate == 0) in.problem("mlp_ratio: expected a feed-forward of some width");
  if (config.patches.rows() != config.patches.columns()) {
    in.problem("image_size: expected as many rows of patches as columns");
  }
  ACCEL_TRY(in.status());
  return config;
}

Result<Facts> facts_of(const Json& json, const Kind& kind) {
  ACCEL_ASSIGN(const Dinov2Config config, read_config(json, kind));
  ACCEL_ASSIGN(const int64_t labels, label_count(json));
  return Facts{.hidden_size = config.encoder.hidden,
               .layers = config.encoder.layers,
               .labels = labels,
               .input_shapes = {{"pixel_values", config.patches.free_input_shape()}}};
}

// --- weight names ------------------------------------------------------------------------------

constexpr std::array<std::string_view, 3> kPrefixes{"", "dinov2.", "dinov2_with_registers."};

constexpr std::array<std::string_view, 2> kUnused{"embeddings.mask_token", "classifier."};

// --- build -------------------------------------------------------------------------------------

// Images to the class token, registers and patches. Registers have no positions.
Output embeddings(BuildContext& context, const Dinov2Config& config) {
  Weights& weights = context.weights;
  const int64_t hidden = config.encoder.hidden;
  const PositionTable positions{.rows = config.patches.rows(), .columns = config.patches.columns()};
  const Output grid = patch_grid(weights, "embeddings.patch_embeddings.projection",
                                 *context.inputs.take("pixel_values"), config.patches, hidden);
  const SplitPositions at = resized_positions(
      weights.get("embeddings.position_embeddings", {1, positions.count(), hidden}), positions,
      grid_size(grid), config.resize);
  std::vector<Output> tokens{add(weights.get("embeddings.cls_token", {1, 1, hidden}), at.before)};
  if (config.registers > 0) {
    tokens.push_back(weights.get("embeddings.register_tokens", {1, config.registers, hidden}));
  }
  return with_tokens(tokens, add(grid_tokens(grid), at.patches));
}

Result<std::vector<NamedOutput>> build_kind(BuildContext& context, const Kind& kind) {
  ACCEL_ASSIGN(const Dinov2Config config, read_config(context.config, kind));
  Weights& weights = context.weights;
  const int64_t hidden = config.encoder.hidden;
  weights.choose_prefix(kPrefixes, "embeddings.cls_token");
  ACCEL_ASSIGN(const Output states, pre_norm_encoder(context, config.encoder,
                                                     embeddings(context, config), std::nullopt));
  const Output x = layer_norm(weights, "layernorm", states, hidden, config.encoder.epsilon);
  const Output cls = first_token(x);
  if (context.head != Head::kImageClassification) {
    return std::vector<NamedOutput>{{"last_hidden_state", x}, {"pooler_output", cls}};
  }
  ACCEL_ASSIGN(const int64_t labels, label_count(context));
  const Output patches = mean_token(tokens_from(x, 1 + config.registers));
  const Output both = std::make_shared<ov::op::v0::Concat>(ov::OutputVector{cls, patches}, 1);
  return std::vector<NamedOutput>{
      {"logits", linear(weights, "classifier", both, 2 * hidden, labels)}};
}

Result<Facts> facts(const Json& json) { return facts_of(json, kPlain); }
Result<Facts> facts_with_registers(const Json& json) { return facts_of(json, kWithRegisters); }
Result<std::vector<NamedOutput>> build(BuildContext& context) {
  return build_kind(context, kPlain);
}
Result<std::vector<NamedOutput>> build_with_registers(BuildContext& context) {
  return build_kind(context, kWithRegisters);
}

// --- descriptors -------------------------------------------------------------------------------

constexpr std::array<Architecture, 2> kArchitectures{{
    {"Dinov2Model", Head::kBase},
    {"Dinov2ForImageClassification", Head::kImageClassification},
}};
constexpr std::array<Architecture, 2> kWithRegistersArchitectures{{
    {"Dinov2WithRegistersModel", Head::kBase},
    {"Dinov2WithRegistersForImageClassification", Head::kImageClassification},
}};

const std::array<InputSpec, 1> kInputs{{
    {"pixel_values", DType::kF32, {-1, -1, -1, -1}, Needed::kAlways},
}};

}  // namespace
}  // namespace dinov2

const Family kDinov2{
    .model_type = "dinov2",
    .title = "DINOv2",
    .reference = "arXiv:2304.07193",
    .architectures = dinov2::kArchitectures,
    .inputs = dinov2::kInputs,
    .unused_weights = dinov2::kUnused,
    .facts = dinov2::facts,
    .build = dinov2::build,
};

const Family kDinov2WithRegisters{
    .model_type = "dinov2_with_registers",
    .title = "DINOv2 with registers",
    .reference = "arXiv:2309.16588",
    .architectures = dinov2::kWithRegistersArchitectures,
    .inputs = dinov2::kInputs,
    .unused_weights = dinov2::kUnused,
    .facts = dinov2::facts_with_registers,
    .build = dinov2::build_with_registers,
};

}  // namespace accel::models
