// SegFormer (Xie et al., arXiv:2105.15203): stages of overlapping patches, attention to a coarser
// image, and a feed-forward that sees neighbouring pixels in place of position embeddings.
#include <array>
#include <numeric>
#include <openvino/op/concat.hpp>
#include <openvino/op/reduce_mean.hpp>

#include "base/try.h"
#include "models/blocks/blocks.h"
#include "models/blocks/convolution.h"
#include "models/blocks/heads.h"
#include "models/config_reader.h"
#include "models/families/families.h"

namespace accel::models {
namespace segformer {
namespace {

// --- config ------------------------------------------------------------------------------------

struct Stage {
  int64_t width = 0;
  int64_t depth = 0;
  int64_t heads = 1;
  int64_t reduction = 1;  // of height and width, for keys and values
  int64_t patch = 1;
  int64_t stride = 1;
  int64_t intermediate = 0;
};

// The analyzer loses the fields on their way through Result.
struct SegformerConfig {  // NOLINT(clang-analyzer-core.uninitialized.Assign)
  int64_t channels = 0;
  std::vector<Stage> stages;
  std::string activation;
  int64_t decoder = 0;             // channels of the decode head
  bool reshape_last_stage = true;  // its state is an image, not tokens
};

constexpr double kEpsilon = 1e-5;  // of all norms, whatever the config says

// One number per stage, and as many stages as `count`.
std::vector<int64_t> per_stage(ConfigReader& in, std::string_view name, size_t count,
                               std::vector<int64_t> fallback) {
  std::vector<int64_t> values = in.sizes_or(name, std::move(fallback));
  if (values.size() != count) {
    in.problem(std::string(name) + ": expected one per stage, and num_encoder_blocks stages");
    values.resize(count, 1);
  }
  return values;
}

std::vector<Stage> read_stages(ConfigReader& in) {
  const auto count = static_cast<size_t>(in.layers_or("num_encoder_blocks", 4));
  std::vector<int64_t> depths = in.depths_or("depths", {2, 2, 2, 2});
  depths = per_stage(in, "depths", count, std::move(depths));
  const auto reductions = per_stage(in, "sr_ratios", count, {8, 4, 2, 1});
  const auto widths = per_stage(in, "hidden_sizes", count, {32, 64, 160, 256});
  const auto patches = per_stage(in, "patch_sizes", count, {7, 3, 3, 3});
  const auto strides = per_stage(in, "strides", count, {4, 2, 2, 2});
  const auto heads = per_stage(in, "num_attention_heads", count, {1, 2, 5, 8});
  const auto ratios = in.numbers_or("mlp_ratios", {4, 4, 4, 4});
  if (ratios.size() != count) in.problem("mlp_ratios: expected one per stage");
  std::vector<Stage> stages;
  for (size_t i = 0; i < count; ++i) {
    const double ratio = i < ratios.size() ? ratios[i] : 1;
    stages.push_back({.width = widths[i],
                      .depth = depths[i],
                      .heads = heads[i],
                      .reduction = reductions[i],
                      .patch = patches[i],
                      .stride = strides[i],
                      .intermediate = in.scaled("mlp_ratios", widths[i], ratio)});
    if (widths[i] % heads[i] != 0) {
      in.problem("hidden_sizes: expected multiples of num_attention_heads");
    }
  }
  return stages;
}

Result<SegformerConfig> read_config(const Json& json) {
  ConfigReader in(json);
  SegformerConfig config{
      .channels = in.size_or("num_channels", 3),
      .stages = read_stages(in),
      .activation = in.text_or("hidden_act", "gelu"),
      .decoder = in.size_or("decoder_hidden_size", 256),
      .reshape_last_stage = in.flag_or("reshape_last_stage", true),
  };
  in.expect("pruned_heads", Json::object(), "pruned heads are not built");
  ACCEL_TRY(in.status());
  return config;
}

Result<Facts> facts(const Json& json) {
  ACCEL_ASSIGN(const SegformerConfig config, read_config(json));
  ACCEL_ASSIGN(const int64_t labels, label_count(json));
  int64_t layers = 0;
  for (const Stage& stage : config.stages) layers += stage.depth;
  return Facts{.hidden_size = config.stages.back().width,
               .layers = layers,
               .labels = labels,
               .input_shapes = {{"pixel_values", {-1, config.channels, -1, -1}}}};
}

// --- weight names ------------------------------------------------------------------------------

constexpr std::array<std::string_view, 2> kPrefixes{"", "segformer."};

constexpr std::array<std::string_view, 2> kUnused{"classifier.", "decode_head."};

// --- build -------------------------------------------------------------------------------------

// Patches, each a token: [B, in, H, W] -> an image [B, C, H / stride, W / stride].
Output patches(Weights& weights, const std::string& name, const Stage& stage, int64_t in,
               const Output& image) {
  return convolution(weights, name + "proj", image,
                     {.in = in, .out = stage.width, .size = square(stage.patch)},
                     {.stride = square(stage.stride), .padding = square(stage.patch / 2)});
}

// Attention from every token to those of an image that is `reduction` times smaller: [B, L, C] ->
// [B, L, C].
Output self_attention(Weights& weights, const std::string& name, const Stage& stage,
                      const Output& x, const Output& extent) {
  const int64_t width = stage.width;
  Output seen = x;
  if (stage.reduction > 1) {
    const Output coarse = convolution(weights, name + "self.sr", to_image(x, extent),
                                      {.in = width, .out = width, .size = square(stage.reduction)},
                                      {.stride = square(stage.reduction)});
    seen = layer_norm(weights, name + "self.layer_norm", to_tokens(coarse), width, kEpsilon);
  }
  const auto project = [&](const std::string& part, const Output& from) {
    return split_heads(linear(weights, name + "self." + part, from, width, width), stage.heads,
                       width / stage.heads);
  };
  const Output mixed =
      attention(project("query", x), project("key", seen), project("value", seen), std::nullopt);
  return linear(weights, name + "output.dense", merge_heads(mixed, width), width, width);
}

// Between its two products each channel mixes three by three pixels: [B, L, C] -> [B, L, C].
Result<Output> feed_forward(Weights& weights, const SegformerConfig& config,
                            const std::string& name, const Stage& stage, const Output& x,
                            const Output& extent) {
  const int64_t wide = stage.intermediate;
  const Output image = to_image(linear(weights, name + "dense1", x, stage.width, wide), extent);
  const Output mixed = depthwise_convolution(weights, name + "dwconv.dwconv", image, wide,
                                             square(3), {.padding = square(1)});
  ACCEL_ASSIGN(const Output active, activation(config.activation, to_tokens(mixed)));
  return linear(weights, name + "dense2", active, wide, stage.width);
}

// A stage's state: its tokens, normalised, and how they lie in an image.
struct State {
  Output tokens;  // [B, L, C]
  Output extent;  // {H, W}
  Output image() const { return to_image(tokens, extent); }
};

Result<State> stage_state(Weights& weights, const SegformerConfig& config, size_t number,
                          int64_t in, const Output& image) {
  const Stage& stage = config.stages[number];
  const std::string count = std::to_string(number);
  const std::string embeddings = "encoder.patch_embeddings." + count + ".";
  const Output patched = patches(weights, embeddings, stage, in, image);
  const Output extent = extent_of(patched);
  const int64_t width = stage.width;
  Output x = layer_norm(weights, embeddings + "layer_norm", to_tokens(patched), width, kEpsilon);
  for (int64_t i = 0; i < stage.depth; ++i) {
    const std::string layer = "encoder.block." + count + "." + std::to_string(i) + ".";
    Output normal = layer_norm(weights, layer + "layer_norm_1", x, width, kEpsilon);
    x = add(self_attention(weights, layer + "attention.", stage, normal, extent), x);
    normal = layer_norm(weights, layer + "layer_norm_2", x, width, kEpsilon);
    ACCEL_ASSIGN(const Output y,
                 feed_forward(weights, config, layer + "mlp.", stage, normal, extent));
    x = add(y, x);
  }
  x = layer_norm(weights, "encoder.layer_norm." + count, x, width, kEpsilon);
  return State{x, extent};
}

// Every stage's state at the first one's size, fused: labels' logits [B, labels, H / 4, W / 4].
Output decode_head(Weights& weights, const SegformerConfig& config,
                   const std::vector<State>& states, int64_t labels) {
  const int64_t width = config.decoder;
  ov::OutputVector images;  // the last stage's first
  for (size_t i = states.size(); i-- > 0;) {
    const Output tokens = linear(weights, "decode_head.linear_c." + std::to_string(i) + ".proj",
                                 states[i].tokens, config.stages[i].width, width);
    const Output image = to_image(tokens, states[i].extent);
    images.push_back(i == 0 ? image : resize(image, states[0].extent));
  }
  const auto all = std::make_shared<ov::op::v0::Concat>(images, 1);
  const auto stages = static_cast<int64_t>(states.size());
  Output x = convolution(weights, "decode_head.linear_fuse", all,
                         {.in = stages * width, .out = width, .bias = false});
  x = *activation("relu", batch_norm(weights, "decode_head.batch_norm", x, width));
  return convolution(weights, "decode_head.classifier", x, {.in = width, .out = labels});
}

Result<std::vector<NamedOutput>> build(BuildContext& context) {
  ACCEL_ASSIGN(const SegformerConfig config, read_config(context.config));
  Weights& weights = context.weights;
  weights.choose_prefix(kPrefixes, "encoder.patch_embeddings.0.proj.weight");
  Output image = *context.inputs.take("pixel_values");
  int64_t channels = config.channels;
  std::vector<State> states;
  for (size_t i = 0; i < config.stages.size(); ++i) {
    ACCEL_ASSIGN(const State state, stage_state(weights, config, i, channels, image));
    states.push_back(state);
    image = state.image();
    channels = config.stages[i].width;
    const bool tokens = i + 1 == config.stages.size() && !config.reshape_last_stage;
    context.keep_state(tokens ? state.tokens : image);
  }
  const Output& tokens = states.back().tokens;
  ACCEL_ASSIGN(const int64_t labels, label_count(context));
  switch (context.head) {
    case Head::kSemanticSegmentation:
      return std::vector<NamedOutput>{{"logits", decode_head(weights, config, states, labels)}};
    case Head::kImageClassification: {
      const auto mean = std::make_shared<ov::op::v1::ReduceMean>(tokens, integers({1}), false);
      return std::vector<NamedOutput>{
          {"logits", linear(weights, "classifier", mean, channels, labels)}};
    }
    default:
      return std::vector<NamedOutput>{
          {"last_hidden_state", config.reshape_last_stage ? image : tokens}};
  }
}

// --- descriptor --------------------------------------------------------------------------------

constexpr std::array<Architecture, 3> kArchitectures{{
    {"SegformerModel", Head::kBase},
    {"SegformerForImageClassification", Head::kImageClassification},
    {"SegformerForSemanticSegmentation", Head::kSemanticSegmentation},
}};

const std::array<InputSpec, 1> kInputs{{
    {"pixel_values", DType::kF32, {-1, -1, -1, -1}, Needed::kAlways},
}};

}  // namespace
}  // namespace segformer

const Family kSegformer{
    .model_type = "segformer",
    .title = "SegFormer",
    .reference = "arXiv:2105.15203",
    .architectures = segformer::kArchitectures,
    .inputs = segformer::kInputs,
    .unused_weights = segformer::kUnused,
    .facts = segformer::facts,
    .build = segformer::build,
};

}  // namespace accel::models
