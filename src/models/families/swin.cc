// Swin Transformer (Liu et al., arXiv:2103.14030): attention within windows that shift from layer
// to layer, in stages whose images are each half as high and wide.
#include <array>
#include <numeric>
#include <openvino/op/reduce_mean.hpp>

#include "base/try.h"
#include "models/blocks/blocks.h"
#include "models/blocks/convolution.h"
#include "models/blocks/heads.h"
#include "models/blocks/windows.h"
#include "models/config_reader.h"
#include "models/families/families.h"

namespace accel::models {
namespace swin {
namespace {

// --- config ------------------------------------------------------------------------------------

struct Stage {
  int64_t width = 0;
  int64_t depth = 0;
  int64_t heads = 1;
  int64_t intermediate = 0;
};

// The analyzer loses the fields on their way through Result.
struct SwinConfig {  // NOLINT(clang-analyzer-core.uninitialized.Assign)
  int64_t channels = 0;
  Extent patch{};
  int64_t window = 0;
  std::vector<Stage> stages;
  bool qkv_bias = true;
  std::string activation;
  double epsilon = 0;
};

constexpr double kEmbeddingEpsilon = 1e-5;  // also of patch merging, whatever the config says
constexpr int64_t kLargestWindow = 64;      // whose bias has 4096 x 4096 values per head

std::vector<Stage> read_stages(ConfigReader& in) {
  const auto depths = in.depths_or("depths", {2, 2, 6, 2});
  const auto heads = in.sizes_or("num_heads", {3, 6, 12, 24});
  const double ratio = in.number_or("mlp_ratio", 4);
  int64_t width = in.size_or("embed_dim", 96);
  std::vector<Stage> stages;
  if (heads.size() != depths.size() || depths.size() > 16) {
    in.problem("num_heads and depths: expected one of each per stage, of at most 16");
    return {Stage{}};
  }
  for (size_t i = 0; i < depths.size(); ++i) {
    stages.push_back({.width = width,
                      .depth = depths[i],
                      .heads = heads[i],
                      .intermediate = in.scaled("mlp_ratio", width, ratio)});
    if (width % heads[i] != 0) {
      in.problem("embed_dim: expected, in each stage doubled, a multiple of num_heads");
    }
    width *= 2;
  }
  return stages;
}

Result<SwinConfig> read_config(const Json& json) {
  ConfigReader in(json);
  SwinConfig config{
      .channels = in.size_or("num_channels", 3),
      .patch = in.extent_or("patch_size", {4, 4}),
      .window = in.size_or("window_size", 7),
      .stages = read_stages(in),
      .qkv_bias = in.flag_or("qkv_bias", true),
      .activation = in.text_or("hidden_act", "gelu"),
      .epsilon = in.number_or("layer_norm_eps", 1e-5),
  };
  if (config.window > kLargestWindow) in.problem("window_size: expected at most 64");
  // The reference library's table has one row more than there are patches, so that it cannot run.
  in.expect("use_absolute_embeddings", false, "absolute position embeddings are not built");
  in.expect("pruned_heads", Json::object(), "pruned heads are not built");
  ACCEL_TRY(in.status());
  return config;
}

Result<Facts> facts(const Json& json) {
  ACCEL_ASSIGN(const SwinConfig config, read_config(json));
  ACCEL_ASSIGN(const int64_t labels, label_count(json));
  int64_t layers = 0;
  for (const Stage& stage : config.stages) layers += stage.depth;
  return Facts{.hidden_size = config.stages.back().width,
               .layers = layers,
               .labels = labels,
               .input_shapes = {{"pixel_values", {-1, config.channels, -1, -1}}}};
}

// --- weight names ------------------------------------------------------------------------------

constexpr std::array<std::string_view, 2> kPrefixes{"", "swin."};

constexpr std::array<std::string_view, 3> kUnused{
    "classifier.",
    "decoder.",               // of masked image modelling
    "embeddings.mask_token",  // likewise
};

// --- build -------------------------------------------------------------------------------------

// An image as tokens.
struct Image {
  Output tokens;  // [B, H * W, C]
  Output extent;  // {H, W}
};

// Patches, the last ones filled up with zeros, normalised: of pixels [B, channels, ..].
Image embeddings(Weights& weights, const SwinConfig& config, const Output& pixels) {
  const Extent& patch = config.patch;
  const int64_t width = config.stages[0].width;
  const Output x = convolution(weights, "embeddings.patch_embeddings.projection", pixels,
                               {.in = config.channels, .out = width, .size = patch},
                               {.stride = patch, .beyond = {patch[0] - 1, patch[1] - 1}});
  return {layer_norm(weights, "embeddings.norm", to_tokens(x), width, kEmbeddingEpsilon),
          extent_of(x)};
}

// Within windows: [B * n, W * W, C] -> [B * n, W * W, C]. `mask` is [B * n, 1, W * W, W * W].
Output self_attention(Weights& weights, const SwinConfig& config, const std::string& name,
                      const Stage& stage, const Output& x, const std::optional<Output>& mask) {
  const int64_t width = stage.width;
  const auto project = [&](const std::string& part) {
    const Output y = linear(weights, name + "self." + part, x, width, width, config.qkv_bias);
    return split_heads(y, stage.heads, width / stage.heads);
  };
  weights.skip(name + "self.relative_position_index");
  const int64_t distances = 2 * config.window - 1;
  Output bias = distance_bias(
      weights.get(name + "self.relative_position_bias_table", {distances * distances, stage.heads}),
      config.window);
  if (mask) bias = add(*mask, bias);
  const Output mixed = attention(project("query"), project("key"), project("value"), bias);
  return linear(weights, name + "output.dense", merge_heads(mixed, width), width, width);
}

Result<Output> layer(Weights& weights, const SwinConfig& config, const std::string& name,
                     const Stage& stage, const Output& x, const Windows& windows) {
  const int64_t width = stage.width;
  Output normal = layer_norm(weights, name + "layernorm_before", x, width, config.epsilon);
  const Output mixed = self_attention(weights, config, name + "attention.", stage,
                                      to_windows(windows, normal), windows.mask);
  const Output attended = add(x, from_windows(windows, mixed, x));
  normal = layer_norm(weights, name + "layernorm_after", attended, width, config.epsilon);
  const Output wide =
      linear(weights, name + "intermediate.dense", normal, width, stage.intermediate);
  ACCEL_ASSIGN(const Output active, activation(config.activation, wide));
  return add(attended, linear(weights, name + "output.dense", active, stage.intermediate, width));
}

// All layers of a stage, every second one with shifted windows, and behind all stages but the last
// the merging of two by two patches.
Result<Image> stage_image(Weights& weights, const SwinConfig& config, size_t number, Image image) {
  const Stage& stage = config.stages[number];
  const std::string name = "encoder.layers." + std::to_string(number) + ".";
  const Windows straight = cut_windows(image.extent, config.window, false);
  Windows shifted = cut_windows(image.extent, config.window, config.window > 1);
  if (shifted.mask) shifted.mask = mask_per_image(*shifted.mask, image.tokens);
  for (int64_t i = 0; i < stage.depth; ++i) {
    const std::string block = name + "blocks." + std::to_string(i) + ".";
    const Windows& windows = i % 2 == 0 ? straight : shifted;
    ACCEL_ASSIGN(image.tokens, layer(weights, config, block, stage, image.tokens, windows));
  }
  if (number + 1 == config.stages.size()) return image;
  const int64_t wide = 4 * stage.width;
  const Output merged =
      layer_norm(weights, name + "downsample.norm", merge_patches(image.tokens, image.extent), wide,
                 kEmbeddingEpsilon);
  return Image{linear(weights, name + "downsample.reduction", merged, wide, wide / 2, false),
               half_extent(image.extent)};
}

Result<std::vector<NamedOutput>> build(BuildContext& context) {
  ACCEL_ASSIGN(const SwinConfig config, read_config(context.config));
  Weights& weights = context.weights;
  weights.choose_prefix(kPrefixes, "embeddings.patch_embeddings.projection.weight");
  Image image = embeddings(weights, config, *context.inputs.take("pixel_values"));
  context.keep_state(image.tokens);
  for (size_t i = 0; i < config.stages.size(); ++i) {
    ACCEL_ASSIGN(image, stage_image(weights, config, i, image));
    context.keep_state(image.tokens);
  }
  const int64_t width = config.stages.back().width;
  const Output x = layer_norm(weights, "layernorm", image.tokens, width, config.epsilon);
  const Output pooled = std::make_shared<ov::op::v1::ReduceMean>(x, integers({1}), false);
  if (context.head == Head::kImageClassification) {
    ACCEL_ASSIGN(const int64_t labels, label_count(context));
    return std::vector<NamedOutput>{
        {"logits", linear(weights, "classifier", pooled, width, labels)}};
  }
  return std::vector<NamedOutput>{{"last_hidden_state", x}, {"pooler_output", pooled}};
}

// --- descriptor --------------------------------------------------------------------------------

constexpr std::array<Architecture, 2> kArchitectures{{
    {"SwinModel", Head::kBase},
    {"SwinForImageClassification", Head::kImageClassification},
}};

const std::array<InputSpec, 1> kInputs{{
    {"pixel_values", DType::kF32, {-1, -1, -1, -1}, Needed::kAlways},
}};

}  // namespace
}  // namespace swin

const Family kSwin{
    .model_type = "swin",
    .title = "Swin Transformer",
    .reference = "arXiv:2103.14030",
    .architectures = swin::kArchitectures,
    .inputs = swin::kInputs,
    .unused_weights = swin::kUnused,
    .facts = swin::facts,
    .build = swin::build,
};

}  // namespace accel::models
