// ConvNeXt (Liu et al., arXiv:2201.03545).
#include <array>
#include <numeric>
#include <openvino/op/transpose.hpp>

#include "base/try.h"
#include "models/blocks/blocks.h"
#include "models/blocks/convolution.h"
#include "models/blocks/heads.h"
#include "models/config_reader.h"
#include "models/families/families.h"

namespace accel::models {
namespace convnext {
namespace {

// --- config ------------------------------------------------------------------------------------

// The analyzer loses the fields on their way through Result.
struct ConvNextConfig {  // NOLINT(clang-analyzer-core.uninitialized.Assign)
  int64_t channels = 0;
  Extent patch{};
  std::vector<int64_t> widths;  // channels of each stage
  std::vector<int64_t> depths;  // layers of each stage
  std::string activation;
  double epsilon = 0;  // of the norm behind the pooling alone
  bool scaled = true;  // layers scale what they add
};

constexpr double kInnerEpsilon = 1e-6;  // of all other norms, whatever the config says

Result<ConvNextConfig> read_config(const Json& json) {
  ConfigReader in(json);
  ConvNextConfig config{
      .channels = in.size_or("num_channels", 3),
      .patch = in.extent_or("patch_size", {4, 4}),
      .widths = in.sizes_or("hidden_sizes", {96, 192, 384, 768}),
      .depths = in.depths_or("depths", {3, 3, 9, 3}),
      .activation = in.text_or("hidden_act", "gelu"),
      .epsilon = in.number_or("layer_norm_eps", 1e-12),
      .scaled = in.number_or("layer_scale_init_value", 1e-6) > 0,
  };
  const auto stages = static_cast<size_t>(in.size_or("num_stages", 4));
  if (config.widths.size() != stages || config.depths.size() != stages) {
    in.problem("hidden_sizes and depths: expected one of each per stage, and num_stages stages");
  }
  ACCEL_TRY(in.status());
  return config;
}

Result<Facts> facts(const Json& json) {
  ACCEL_ASSIGN(const ConvNextConfig config, read_config(json));
  ACCEL_ASSIGN(const int64_t labels, label_count(json));
  return Facts{
      .hidden_size = config.widths.back(),
      .layers = std::accumulate(config.depths.begin(), config.depths.end(), int64_t{0}),
      .labels = labels,
      .input_shapes = {{"pixel_values", {-1, config.channels, -1, -1}}},
  };
}

// --- weight names ------------------------------------------------------------------------------

constexpr std::array<std::string_view, 2> kPrefixes{"", "convnext."};

constexpr std::array<std::string_view, 1> kUnused{"classifier."};

// --- build -------------------------------------------------------------------------------------

// Patches that do not overlap, normalised: [B, channels, H, W] -> [B, C, H / patch, W / patch].
Output embeddings(Weights& weights, const ConvNextConfig& config, const Output& pixels) {
  const int64_t width = config.widths[0];
  const Output x = convolution(weights, "embeddings.patch_embeddings", pixels,
                               {.in = config.channels, .out = width, .size = config.patch},
                               {.stride = config.patch});
  return image_layer_norm(weights, "embeddings.layernorm", x, width, kInnerEpsilon);
}

// Seven by seven pixels of a channel, then all channels of a pixel: [B, C, H, W] -> [B, C, H, W].
Result<Output> layer(Weights& weights, const ConvNextConfig& config, const std::string& name,
                     int64_t width, const Output& x) {
  const Output mixed =
      depthwise_convolution(weights, name + "dwconv", x, width, square(7), {.padding = square(3)});
  Output y = std::make_shared<ov::op::v1::Transpose>(mixed, integers({0, 2, 3, 1}));
  y = layer_norm(weights, name + "layernorm", y, width, kInnerEpsilon);
  ACCEL_ASSIGN(const Output wide, activation(config.activation, linear(weights, name + "pwconv1", y,
                                                                       width, 4 * width)));
  y = linear(weights, name + "pwconv2", wide, 4 * width, width);
  if (config.scaled) y = multiply(y, weights.get(name + "layer_scale_parameter", {width}));
  return add(x, std::make_shared<ov::op::v1::Transpose>(y, integers({0, 3, 1, 2})));
}

// Halves height and width in all stages but the first: [B, C, H, W] -> [B, widths[number], ..].
Result<Output> stage(Weights& weights, const ConvNextConfig& config, size_t number, Output x) {
  const std::string name = "encoder.stages." + std::to_string(number) + ".";
  const int64_t width = config.widths[number];
  if (number > 0) {
    const int64_t before = config.widths[number - 1];
    x = image_layer_norm(weights, name + "downsampling_layer.0", x, before, kInnerEpsilon);
    x = convolution(weights, name + "downsampling_layer.1", x,
                    {.in = before, .out = width, .size = square(2)}, {.stride = square(2)});
  }
  for (int64_t i = 0; i < config.depths[number]; ++i) {
    ACCEL_ASSIGN(x, layer(weights, config, name + "layers." + std::to_string(i) + ".", width, x));
  }
  return x;
}

Result<std::vector<NamedOutput>> build(BuildContext& context) {
  ACCEL_ASSIGN(const ConvNextConfig config, read_config(context.config));
  Weights& weights = context.weights;
  weights.choose_prefix(kPrefixes, "embeddings.patch_embeddings.weight");
  Output x = embeddings(weights, config, *context.inputs.take("pixel_values"));
  context.keep_state(x);
  for (size_t i = 0; i < config.depths.size(); ++i) {
    ACCEL_ASSIGN(x, stage(weights, config, i, x));
    context.keep_state(x);
  }
  const int64_t width = config.widths.back();
  const Output pooled = layer_norm(weights, "layernorm", mean_pool(x), width, config.epsilon);
  if (context.head == Head::kImageClassification) {
    ACCEL_ASSIGN(const int64_t labels, label_count(context));
    return std::vector<NamedOutput>{
        {"logits", linear(weights, "classifier", pooled, width, labels)}};
  }
  return std::vector<NamedOutput>{{"last_hidden_state", x}, {"pooler_output", pooled}};
}

// --- descriptor --------------------------------------------------------------------------------

constexpr std::array<Architecture, 2> kArchitectures{{
    {"ConvNextModel", Head::kBase},
    {"ConvNextForImageClassification", Head::kImageClassification},
}};

const std::array<InputSpec, 1> kInputs{{
    {"pixel_values", DType::kF32, {-1, -1, -1, -1}, Needed::kAlways},
}};

}  // namespace
}  // namespace convnext

const Family kConvnext{
    .model_type = "convnext",
    .title = "ConvNeXt",
    .reference = "arXiv:2201.03545",
    .architectures = convnext::kArchitectures,
    .inputs = convnext::kInputs,
    .unused_weights = convnext::kUnused,
    .facts = convnext::facts,
    .build = convnext::build,
};

}  // namespace accel::models
