// ResNet (He et al., arXiv:1512.03385).
#include "models/blocks/resnet.h"

#include <array>
#include <numeric>

#include "base/try.h"
#include "models/blocks/blocks.h"
#include "models/blocks/convolution.h"
#include "models/blocks/heads.h"
#include "models/config_reader.h"
#include "models/families/families.h"

namespace accel::models {
namespace resnet_family {
namespace {

// --- config ------------------------------------------------------------------------------------

Result<ResNet> read_config(const Json& json) {
  ConfigReader in(json);
  ResNet config = read_resnet(in);
  ACCEL_TRY(in.status());
  return config;
}

Result<Facts> facts(const Json& json) {
  ACCEL_ASSIGN(const ResNet config, read_config(json));
  ACCEL_ASSIGN(const int64_t labels, label_count(json));
  return Facts{
      .hidden_size = config.widths.back(),
      .layers = std::accumulate(config.depths.begin(), config.depths.end(), int64_t{0}),
      .labels = labels,
      .input_shapes = {{"pixel_values", {-1, config.channels, -1, -1}}},
  };
}

// --- weight names ------------------------------------------------------------------------------

constexpr std::array<std::string_view, 2> kPrefixes{"", "resnet."};

constexpr std::array<std::string_view, 1> kUnused{"classifier."};

// --- build -------------------------------------------------------------------------------------

Result<std::vector<NamedOutput>> build(BuildContext& context) {
  ACCEL_ASSIGN(const ResNet config, read_config(context.config));
  Weights& weights = context.weights;
  weights.choose_prefix(kPrefixes, "embedder.embedder.convolution.weight");
  const Output pixels = *context.inputs.take("pixel_values");
  ACCEL_ASSIGN(const std::vector<Output> images, resnet(weights, "", config, pixels));
  for (const Output& image : images) context.keep_state(image);
  const Output& x = images.back();
  if (context.head == Head::kImageClassification) {
    ACCEL_ASSIGN(const int64_t labels, label_count(context));
    return std::vector<NamedOutput>{
        {"logits", linear(weights, "classifier.1", mean_pool(x), config.widths.back(), labels)}};
  }
  return std::vector<NamedOutput>{{"last_hidden_state", x}, {"pooler_output", mean_pool(x, true)}};
}

// --- descriptor --------------------------------------------------------------------------------

constexpr std::array<Architecture, 2> kArchitectures{{
    {"ResNetModel", Head::kBase},
    {"ResNetForImageClassification", Head::kImageClassification},
}};

const std::array<InputSpec, 1> kInputs{{
    {"pixel_values", DType::kF32, {-1, -1, -1, -1}, Needed::kAlways},
}};

}  // namespace
}  // namespace resnet_family

const Family kResnet{
    .model_type = "resnet",
    .title = "ResNet",
    .reference = "arXiv:1512.03385",
    .architectures = resnet_family::kArchitectures,
    .inputs = resnet_family::kInputs,
    .unused_weights = resnet_family::kUnused,
    .facts = resnet_family::facts,
    .build = resnet_family::build,
};

}  // namespace accel::models
