#include "models/blocks/resnet.h"

#include <fmt/format.h>

#include "base/try.h"
#include "models/blocks/blocks.h"
#include "models/blocks/convolution.h"

namespace accel::models {
namespace {

constexpr int64_t kReduction = 4;  // of channels inside a bottleneck

// A convolution without bias and the batch norm behind it.
struct Names {
  std::string convolution;
  std::string norm;
};

Names stem_names(const ResNet& config, const std::string& prefix) {
  if (config.timm_names) return {prefix + "conv1", prefix + "bn1"};
  const std::string stem = prefix + "embedder.embedder.";
  return {stem + "convolution", stem + "normalization"};
}

std::string layer_name(const ResNet& config, const std::string& prefix, size_t stage,
                       int64_t layer) {
  if (config.timm_names) return fmt::format("{}layer{}.{}.", prefix, stage + 1, layer);
  return fmt::format("{}encoder.stages.{}.layers.{}.", prefix, stage, layer);
}

// The convolution `i` of a layer.
Names inner_names(const ResNet& config, const std::string& layer, size_t i) {
  if (config.timm_names) {
    return {fmt::format("{}conv{}", layer, i + 1), fmt::format("{}bn{}", layer, i + 1)};
  }
  const std::string inner = fmt::format("{}layer.{}.", layer, i);
  return {inner + "convolution", inner + "normalization"};
}

Names shortcut_names(const ResNet& config, const std::string& layer) {
  if (config.timm_names) return {layer + "downsample.0", layer + "downsample.1"};
  return {layer + "shortcut.convolution", layer + "shortcut.normalization"};
}

struct Window {
  int64_t size = 1;
  int64_t stride = 1;
  int64_t dilation = 1;
};

// Padded such that the stride alone decides the size.
Output normed_convolution(Weights& weights, const Names& names, const Output& x, int64_t out,
                          const Window& window) {
  const int64_t in = x.get_partial_shape()[1].get_length();
  const Output y = convolution(weights, names.convolution, x,
                               {.in = in, .out = out, .size = square(window.size), .bias = false},
                               {.stride = square(window.stride),
                                .padding = square(window.size / 2 * window.dilation),
                                .dilation = square(window.dilation)});
  return batch_norm(weights, names.norm, y, out);
}

// How a layer makes its convolutions.
struct ResNetLayer {
  int64_t out = 0;
  int64_t stride = 1;
  int64_t first_dilation = 1;  // of the first convolution that sees neighbours
  int64_t dilation = 1;        // of those behind it
};

// All convolutions of a layer, each with its window and its channels.
std::vector<std::pair<int64_t, Window>> windows(const ResNet& config, const ResNetLayer& layer) {
  if (!config.bottleneck) {
    return {{layer.out, {3, layer.stride, layer.first_dilation}},
            {layer.out, {3, 1, layer.dilation}}};
  }
  const int64_t narrow = layer.out / kReduction;
  const bool early = config.downsample_in_bottleneck;
  return {{narrow, {1, early ? layer.stride : 1, 1}},
          {narrow, {3, early ? 1 : layer.stride, layer.first_dilation}},
          {layer.out, {1, 1, 1}}};
}

Result<Output> residual_layer(Weights& weights, const ResNet& config, const std::string& name,
                              const ResNetLayer& layer, const Output& x) {
  const auto steps = windows(config, layer);
  Output y = x;
  for (size_t i = 0; i < steps.size(); ++i) {
    const auto& [out, window] = steps[i];
    y = normed_convolution(weights, inner_names(config, name, i), y, out, window);
    // ReLU inside, whatever the config's activation.
    if (i + 1 < steps.size()) {
      ACCEL_ASSIGN(y, activation("relu", y));
    }
  }
  Output shortcut = x;
  if (layer.stride != 1 || x.get_partial_shape()[1].get_length() != layer.out) {
    shortcut = normed_convolution(weights, shortcut_names(config, name), x, layer.out,
                                  {.size = 1, .stride = layer.stride});
  }
  return activation(config.activation, add(y, shortcut));
}

Result<Output> stage(Weights& weights, const ResNet& config, const std::string& prefix,
                     size_t number, Output x) {
  const bool dilated = config.dilated_last_stage && number + 1 == config.depths.size();
  const bool downsample = !dilated && (number > 0 || config.downsample_in_first_stage);
  for (int64_t i = 0; i < config.depths[number]; ++i) {
    const ResNetLayer layer{.out = config.widths[number],
                            .stride = downsample && i == 0 ? 2 : 1,
                            .first_dilation = dilated && i > 0 ? 2 : 1,
                            .dilation = dilated ? 2 : 1};
    ACCEL_ASSIGN(x,
                 residual_layer(weights, config, layer_name(config, prefix, number, i), layer, x));
  }
  return x;
}

}  // namespace

ResNet read_resnet(ConfigReader& in) {
  const std::string layer_type = in.text_or("layer_type", "bottleneck");
  const ResNet defaults;
  ResNet config{
      .channels = in.size_or("num_channels", defaults.channels),
      .embedding = in.size_or("embedding_size", defaults.embedding),
      .widths = in.sizes_or("hidden_sizes", defaults.widths),
      .depths = in.depths_or("depths", defaults.depths),
      .bottleneck = layer_type == "bottleneck",
      .activation = in.text_or("hidden_act", defaults.activation),
      .downsample_in_first_stage = in.flag_or("downsample_in_first_stage", false),
      .downsample_in_bottleneck = in.flag_or("downsample_in_bottleneck", false),
  };
  if (layer_type != "bottleneck" && layer_type != "basic") {
    in.problem("layer_type: expected basic or bottleneck, found " + layer_type);
  }
  if (config.widths.size() != config.depths.size()) {
    in.problem("hidden_sizes: expected as many stages as depths has");
  }
  for (const int64_t width : config.widths) {
    if (config.bottleneck && width < kReduction) {
      in.problem(fmt::format("hidden_sizes: expected at least {} in a bottleneck, found {}",
                             kReduction, width));
    }
  }
  return config;
}

Result<std::vector<Output>> resnet(Weights& weights, const std::string& prefix,
                                   const ResNet& config, const Output& pixels) {
  Output x = normed_convolution(weights, stem_names(config, prefix), pixels, config.embedding,
                                {.size = 7, .stride = 2});
  ACCEL_ASSIGN(x, activation(config.activation, x));
  std::vector<Output> images{max_pool(x, square(3), {.stride = square(2), .padding = square(1)})};
  for (size_t i = 0; i < config.depths.size(); ++i) {
    ACCEL_ASSIGN(const Output image, stage(weights, config, prefix, i, images.back()));
    images.push_back(image);
  }
  return images;
}

}  // namespace accel::models
