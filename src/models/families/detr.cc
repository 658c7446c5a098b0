// DETR (Carion et al., arXiv:2005.12872): a ResNet's last image as tokens, an encoder over them,
// and a decoder that makes of each learned query one object's label and box.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <openvino/op/add.hpp>
#include <openvino/op/broadcast.hpp>
#include <openvino/op/concat.hpp>
#include <openvino/op/constant.hpp>
#include <openvino/op/convert.hpp>
#include <openvino/op/cos.hpp>
#include <openvino/op/cum_sum.hpp>
#include <openvino/op/divide.hpp>
#include <openvino/op/gather.hpp>
#include <openvino/op/not_equal.hpp>
#include <openvino/op/range.hpp>
#include <openvino/op/reshape.hpp>
#include <openvino/op/shape_of.hpp>
#include <openvino/op/sigmoid.hpp>
#include <openvino/op/sin.hpp>
#include <openvino/op/slice.hpp>
#include <openvino/op/unsqueeze.hpp>

#include "base/try.h"
#include "models/blocks/blocks.h"
#include "models/blocks/convolution.h"
#include "models/blocks/heads.h"
#include "models/blocks/resnet.h"
#include "models/config_reader.h"
#include "models/families/families.h"

namespace accel::models {
namespace detr {
namespace {

constexpr int64_t kMostHidden = 65536;  // its periods are computed

// --- config ------------------------------------------------------------------------------------

struct Backbone {
  ResNet resnet;
  size_t image = 0;  // which of resnet()'s the encoder sees
};

struct Layers {
  int64_t count = 0;
  int64_t heads = 1;
  int64_t intermediate = 0;
};

// The analyzer loses the fields on their way through Result.
struct DetrConfig {  // NOLINT(clang-analyzer-core.uninitialized.Assign)
  Backbone backbone;
  int64_t hidden = 0;
  int64_t queries = 0;
  Layers encoder;
  Layers decoder;
  std::string activation;
  bool learned_positions = false;  // else sines
  bool norm_each_layer = false;    // of the decoder, not the last alone
};

constexpr double kEpsilon = 1e-5;          // of all norms
constexpr int64_t kLearnedPositions = 50;  // rows, and columns, of the learned tables
constexpr double kTemperature = 10000;     // of the sines' wave lengths
constexpr std::string_view kTimm = "timm_backbone";

// The last of "out_indices", where `count` images are numbered from the stem's on; absent: the last
// image. From the end if negative.
size_t last_index(ConfigReader& in, const Json& json, size_t count) {
  const auto found = json.find("out_indices");
  if (found == json.end() || found->is_null()) return count - 1;
  const bool list = found->is_array() && !found->empty() && found->back().is_number_integer();
  const int64_t stated = list ? found->back().get<int64_t>() : -1;
  const int64_t index = stated < 0 ? stated + static_cast<int64_t>(count) : stated;
  if (list && index >= 0 && index < static_cast<int64_t>(count)) return static_cast<size_t>(index);
  in.problem("out_indices: expected a list of numbers of the backbone's stages, found " +
             found->dump());
  return count - 1;
}

// The last of "out_features", "stem" or "stageN"; absent: of out_indices.
size_t last_feature(ConfigReader& in, const Json& json, size_t count) {
  const std::vector<std::string> features = in.texts_or("out_features", {});
  if (features.empty()) return last_index(in, json, count);
  if (features.back() == "stem") return 0;
  for (size_t i = 1; i < count; ++i) {
    if (features.back() == "stage" + std::to_string(i)) return i;
  }
  in.problem("out_features: expected names of the backbone's stages, found " + features.back());
  return count - 1;
}

// One of the library timm's ResNets by its name; `options` may have out_indices and output_stride.
Backbone timm_backbone(ConfigReader& in, const std::string& name, const Json& options,
                       bool dilated) {
  struct Row {
    std::string_view name;
    bool bottleneck;
    std::vector<int64_t> depths;
  };
  static const std::array<Row, 5> kResNets{{{"resnet18", false, {2, 2, 2, 2}},
                                            {"resnet34", false, {3, 4, 6, 3}},
                                            {"resnet50", true, {3, 4, 6, 3}},
                                            {"resnet101", true, {3, 4, 23, 3}},
                                            {"resnet152", true, {3, 8, 36, 3}}}};
  const std::string base = name.substr(0, name.find('.'));  // without the tag of its training
  const auto row = std::ranges::find(kResNets, base, &Row::name);
  if (row == kResNets.end()) {
    in.problem("backbone: expected one of resnet18, resnet34, resnet50, resnet101 and resnet152, "
               "found " +
               name);
    return {};
  }
  ConfigReader kwargs(options);
  const int64_t stride = kwargs.size_or("output_stride", dilated ? 16 : 32);
  if (stride != 16 && stride != 32) kwargs.problem("output_stride: expected 16 or 32");
  Backbone backbone{.image = last_index(kwargs, options, 5)};
  if (backbone.image == 0) kwargs.problem("out_indices: expected a stage behind the stem");
  ResNet& resnet = backbone.resnet;
  resnet.timm_names = true;
  resnet.bottleneck = row->bottleneck;
  resnet.depths = row->depths;
  if (!row->bottleneck) resnet.widths = {64, 128, 256, 512};
  // Stages behind the last one that is asked for are neither stored nor built.
  resnet.dilated_last_stage = stride == 16 && backbone.image == resnet.depths.size();
  resnet.depths.resize(std::max<size_t>(backbone.image, 1));
  resnet.widths.resize(resnet.depths.size());
  in.adopt("backbone_kwargs", kwargs);
  return backbone;
}

Backbone read_backbone(ConfigReader& in) {
  static const Json kNone = Json::object();
  const Json* given = in.object("backbone_config");
  const Json& json = given != nullptr ? *given : kNone;
  ConfigReader part(json);
  const std::string type = part.text_or("model_type", "resnet");
  Backbone backbone;
  if (given != nullptr && type == kTimm) {
    backbone = timm_backbone(part, part.text_or("backbone", ""), json, false);
    backbone.resnet.channels = part.size_or("num_channels", 3);
  } else if (in.flag_or("use_timm_backbone", given == nullptr)) {
    const Json* kwargs = in.object("backbone_kwargs");
    const Json& options = kwargs != nullptr ? *kwargs : kNone;
    backbone = timm_backbone(in, in.text_or("backbone", "resnet50"), options,
                             in.flag_or("dilation", false));
    ConfigReader channels(options);
    backbone.resnet.channels = channels.size_or("in_chans", in.size_or("num_channels", 3));
    in.adopt("backbone_kwargs", channels);
  } else {
    if (type != "resnet") part.problem("model_type: expected resnet, found " + type);
    if (given == nullptr) in.expect("backbone", "resnet50", "give its backbone_config");
    backbone.resnet = read_resnet(part);
    backbone.image = last_feature(part, json, backbone.resnet.depths.size() + 1);
  }
  in.adopt("backbone_config", part);
  return backbone;
}

Layers read_layers(ConfigReader& in, const std::string& part, int64_t hidden) {
  const Layers layers{
      .count = in.layers_or(part + "_layers", 6),
      .heads = in.size_or(part + "_attention_heads", 8),
      .intermediate = in.size_or(part + "_ffn_dim", 2048),
  };
  if (hidden % layers.heads != 0) {
    in.problem("d_model: expected a multiple of " + part + "_attention_heads");
  }
  return layers;
}

Result<DetrConfig> read_config(const Json& json) {
  ConfigReader in(json);
  const std::string positions = in.text_or("position_embedding_type", "sine");
  const int64_t hidden = in.size_or("d_model", 256);
  const DetrConfig config{
      .backbone = read_backbone(in),
      .hidden = hidden,
      .queries = in.size_or("num_queries", 100),
      .encoder = read_layers(in, "encoder", hidden),
      .decoder = read_layers(in, "decoder", hidden),
      .activation = in.text_or("activation_function", "relu"),
      .learned_positions = positions == "learned",
      .norm_each_layer = in.flag_or("auxiliary_loss", false),
  };
  if (positions != "sine" && positions != "learned") {
    in.problem("position_embedding_type: expected sine or learned, found " + positions);
  }
  if (hidden % 4 != 0 || hidden > kMostHidden) {
    in.problem(fmt::format("d_model: expected a multiple of four, for sine and cosine of height "
                           "and width, up to {}",
                           kMostHidden));
  }
  ACCEL_TRY(in.status());
  return config;
}

Result<Facts> facts(const Json& json) {
  ACCEL_ASSIGN(const DetrConfig config, read_config(json));
  ACCEL_ASSIGN(const int64_t labels, label_count(json));
  return Facts{
      .hidden_size = config.hidden,
      .layers = config.encoder.count,
      .labels = labels,
      .input_shapes = {{"pixel_values", {-1, config.backbone.resnet.channels, -1, -1}}},
  };
}

// --- weight names ------------------------------------------------------------------------------

constexpr std::array<std::string_view, 3> kPrefixes{"", "model.", "detr.model."};

constexpr std::array<std::string_view, 8> kUnused{
    "class_labels_classifier.",
    "bbox_predictor.",
    "detr.class_labels_classifier.",  // below a head of segmentation
    "detr.bbox_predictor.",
    "mask_head.",
    "bbox_attention.",
    "backbone.conv_encoder.model.fc.",  // timm's own classifier
    "backbone.conv_encoder.model._backbone.fc.",
};

// Names differ between versions of the reference library.
std::string backbone_prefix(const Weights& weights, const ResNet& resnet) {
  const std::string probe =
      resnet.timm_names ? "conv1.weight" : "embedder.embedder.convolution.weight";
  std::string first = "backbone.conv_encoder.model.";
  for (const std::string& prefix : {first, first + "_backbone.", std::string("backbone.model."),
                                    std::string("backbone.model._backbone.")}) {
    if (weights.has(prefix + probe)) return prefix;
  }
  return first;
}

// "PARENT" + "NAME", or "PARENT" + "OTHER" where that is stored.
std::string either(const Weights& weights, const std::string& parent, const char* name,
                   const char* other) {
  return parent + (weights.has(parent + other + ".weight") ? other : name);
}

// --- build: positions --------------------------------------------------------------------------

// h, w: height and width of the encoder's image.

Output element(const Output& list, int64_t i) {
  return std::make_shared<ov::op::v8::Gather>(list, integer(i), integer(0));
}

Output divide(const Output& a, const Output& b) {
  return std::make_shared<ov::op::v1::Divide>(a, b);
}

Output joined(const ov::OutputVector& parts, int64_t axis) {
  return std::make_shared<ov::op::v0::Concat>(parts, axis);
}

// pixel_mask [B, H, W] at the nearest pixels of an image whose {h, w} is `extent`: 1 or 0,
// [B, h, w].
Output resized_mask(const Output& pixel_mask, const Output& extent) {
  Output mask = pixel_mask;
  const auto shape = std::make_shared<ov::op::v3::ShapeOf>(pixel_mask, ov::element::i64);
  for (const int64_t axis : {1, 2}) {
    const Output to = element(extent, axis - 1);
    const auto place =
        std::make_shared<ov::op::v4::Range>(integer(0), to, integer(1), ov::element::i64);
    const Output nearest = divide(multiply(place, element(shape, axis)), to);
    mask = std::make_shared<ov::op::v8::Gather>(mask, nearest, integer(axis));
  }
  const auto real = std::make_shared<ov::op::v1::NotEqual>(mask, integer(0));
  return std::make_shared<ov::op::v0::Convert>(real, ov::element::f32);
}

// Sine and cosine, in turn, of the share of real pixels up to each one along `axis`: of a mask
// [B, h, w], [B, h, w, size].
Output sines(const Output& mask, int64_t axis, int64_t size) {
  const Output count = std::make_shared<ov::op::v0::CumSum>(mask, integer(axis));
  const auto last = std::make_shared<ov::op::v8::Slice>(
      count, integers({-1}), integers({std::numeric_limits<int64_t>::max()}), integers({1}),
      integers({axis}));
  constexpr auto kTurn = static_cast<float>(2 * std::numbers::pi);
  const Output share = multiply(divide(count, add(last, scalar(1e-6F))), scalar(kTurn));
  std::vector<float> lengths;
  for (int64_t i = 0; i < size; i += 2) {
    const double power = static_cast<double>(i) / static_cast<double>(size);
    lengths.push_back(static_cast<float>(std::pow(kTemperature, power)));
  }
  const auto periods =
      ov::op::v0::Constant::create(ov::element::f32, ov::Shape{lengths.size()}, lengths);
  const auto each = std::make_shared<ov::op::v0::Unsqueeze>(share, integer(-1));
  const auto angle = std::make_shared<ov::op::v0::Unsqueeze>(divide(each, periods), integer(-1));
  const Output pairs = joined(
      {std::make_shared<ov::op::v0::Sin>(angle), std::make_shared<ov::op::v0::Cos>(angle)}, -1);
  return std::make_shared<ov::op::v1::Reshape>(pairs, integers({0, 0, 0, size}), true);
}

// Rows of a learned table along the width, or as columns along the height, [h, w, size]. An image
// larger than the table is an error of the engine's.
Output learned(Weights& weights, const std::string& name, int64_t size, const Output& extent,
               bool along_height) {
  const Output table = weights.get(name, {kLearnedPositions, size});
  const Output count = element(extent, along_height ? 0 : 1);
  const Output rows = std::make_shared<ov::op::v8::Slice>(
      table, integers({0}), std::make_shared<ov::op::v0::Unsqueeze>(count, integer(0)),
      integers({1}), integers({0}));
  const auto placed = std::make_shared<ov::op::v0::Unsqueeze>(rows, integer(along_height ? 1 : 0));
  return std::make_shared<ov::op::v3::Broadcast>(placed, joined({extent, integers({size})}, 0));
}

// [B, h * w, H], or of one image for all. `mask` is [B, h, w].
Output positions(Weights& weights, const DetrConfig& config, const std::optional<Output>& mask,
                 const Output& extent) {
  const int64_t half = config.hidden / 2;
  Output both;
  if (config.learned_positions) {
    const char* name = "position_embedding";
    const std::string parent = weights.has("position_embedding.row_embeddings.weight")
                                   ? std::string(name) + "."
                                   : "backbone." + std::string(name) + ".";
    both = joined({learned(weights, parent + "column_embeddings.weight", half, extent, false),
                   learned(weights, parent + "row_embeddings.weight", half, extent, true)},
                  2);
  } else {
    const auto ones =
        std::make_shared<ov::op::v3::Broadcast>(scalar(1), joined({integers({1}), extent}, 0));
    const Output real = mask ? *mask : Output(ones);
    both = joined({sines(real, 1, half), sines(real, 2, half)}, 3);
  }
  const Output batch = integers({config.learned_positions || !mask ? 1 : 0});
  return std::make_shared<ov::op::v1::Reshape>(
      both, joined({batch, integers({-1, config.hidden})}, 0), true);
}

// --- build: layers -----------------------------------------------------------------------------

// What attends and what is attended to: queries, keys and values before their projections.
struct Attended {
  Output query;
  Output key;
  Output value;
  std::optional<Output> mask = {};
};

// [B, L, H] -> [B, L, H], with its residual and norm.
Output attend(Weights& weights, const std::string& layer, const char* name, int64_t heads,
              const Attended& of, const Output& residual) {
  const int64_t hidden = residual.get_partial_shape()[2].get_length();
  const std::string block = layer + name + ".";
  const auto project = [&](const char* part, const Output& x) {
    return split_heads(linear(weights, block + part, x, hidden, hidden), heads, hidden / heads);
  };
  const Output mixed = attention(project("q_proj", of.query), project("k_proj", of.key),
                                 project("v_proj", of.value), of.mask);
  const Output y = linear(weights, either(weights, block, "out_proj", "o_proj"),
                          merge_heads(mixed, hidden), hidden, hidden);
  return layer_norm(weights, layer + name + "_layer_norm", add(residual, y), hidden, kEpsilon);
}

Result<Output> feed_forward(Weights& weights, const DetrConfig& config, const std::string& layer,
                            int64_t intermediate, const Output& x) {
  const Output wide =
      linear(weights, either(weights, layer, "fc1", "mlp.fc1"), x, config.hidden, intermediate);
  ACCEL_ASSIGN(const Output active, activation(config.activation, wide));
  const Output y = linear(weights, either(weights, layer, "fc2", "mlp.fc2"), active, intermediate,
                          config.hidden);
  return layer_norm(weights, layer + "final_layer_norm", add(x, y), config.hidden, kEpsilon);
}

// The encoder's tokens, and what belongs to each of them.
struct Memory {
  Output tokens;               // [B, L, H]
  Output positions;            // [B or 1, L, H]
  std::optional<Output> mask;  // [B, 1, 1, L], additive
};

Result<Output> encoder(BuildContext& context, const DetrConfig& config, const Memory& memory) {
  Weights& weights = context.weights;
  Output x = memory.tokens;
  context.keep_state(x, "encoder_hidden_states");
  for (int64_t i = 0; i < config.encoder.count; ++i) {
    const std::string layer = "encoder.layers." + std::to_string(i) + ".";
    const Output placed = add(x, memory.positions);
    x = attend(weights, layer, "self_attn", config.encoder.heads, {placed, placed, x, memory.mask},
               x);
    ACCEL_ASSIGN(x, feed_forward(weights, config, layer, config.encoder.intermediate, x));
    context.keep_state(x, "encoder_hidden_states");
  }
  return x;
}

// From queries of zeros, which their positions tell apart: [B, queries, H].
Result<Output> decoder(BuildContext& context, const DetrConfig& config, const Memory& memory) {
  Weights& weights = context.weights;
  const int64_t hidden = config.hidden;
  const int64_t heads = config.decoder.heads;
  const Output table = weights.get("query_position_embeddings.weight", {config.queries, hidden});
  const Output query_positions = std::make_shared<ov::op::v0::Unsqueeze>(table, integer(0));
  const auto shape = std::make_shared<ov::op::v3::ShapeOf>(memory.tokens, ov::element::i64);
  const auto batch = std::make_shared<ov::op::v8::Gather>(shape, integers({0}), integer(0));
  Output x = std::make_shared<ov::op::v3::Broadcast>(
      scalar(0), joined({batch, integers({config.queries, hidden})}, 0));
  const Output keys = add(memory.tokens, memory.positions);
  for (int64_t i = 0; i < config.decoder.count; ++i) {
    context.keep_state(x, "decoder_hidden_states");
    const std::string layer = "decoder.layers." + std::to_string(i) + ".";
    Output placed = add(x, query_positions);
    x = attend(weights, layer, "self_attn", heads, {placed, placed, x}, x);
    placed = add(x, query_positions);
    x = attend(weights, layer, "encoder_attn", heads, {placed, keys, memory.tokens, memory.mask},
               x);
    ACCEL_ASSIGN(x, feed_forward(weights, config, layer, config.decoder.intermediate, x));
    // The last layer's once more below, as the reference library does.
    if (config.norm_each_layer) x = layer_norm(weights, "decoder.layernorm", x, hidden, kEpsilon);
  }
  x = layer_norm(weights, "decoder.layernorm", x, hidden, kEpsilon);
  context.keep_state(x, "decoder_hidden_states");
  return x;
}

// Centre, width and height of each query's box, as shares of the image: [B, queries, 4].
Output boxes(Weights& weights, int64_t hidden, Output x) {
  for (const char* name : {"bbox_predictor.layers.0", "bbox_predictor.layers.1"}) {
    x = *activation("relu", linear(weights, name, x, hidden, hidden));
  }
  return *activation("sigmoid", linear(weights, "bbox_predictor.layers.2", x, hidden, 4));
}

Result<std::vector<NamedOutput>> build(BuildContext& context) {
  ACCEL_ASSIGN(const DetrConfig config, read_config(context.config));
  Weights& weights = context.weights;
  weights.choose_prefix(kPrefixes, "query_position_embeddings.weight");
  const Output pixels = *context.inputs.take("pixel_values");
  const auto pixel_mask = context.inputs.take("pixel_mask");
  const ResNet& backbone = config.backbone.resnet;
  ACCEL_ASSIGN(const std::vector<Output> images,
               resnet(weights, backbone_prefix(weights, backbone), backbone, pixels));
  const Output& image = images[config.backbone.image];
  const int64_t width = image.get_partial_shape()[1].get_length();
  const Output extent = extent_of(image);
  std::optional<Output> mask;
  Memory memory;
  if (pixel_mask) {
    mask = resized_mask(*pixel_mask, extent);
    memory.mask = additive_mask(
        Output(std::make_shared<ov::op::v1::Reshape>(*mask, integers({0, -1}), true)));
  }
  memory.tokens = to_tokens(
      convolution(weights, "input_projection", image, {.in = width, .out = config.hidden}));
  memory.positions = positions(weights, config, mask, extent);
  ACCEL_ASSIGN(memory.tokens, encoder(context, config, memory));
  ACCEL_ASSIGN(const Output x, decoder(context, config, memory));
  std::vector<NamedOutput> outputs;
  if (context.head == Head::kObjectDetection) {
    ACCEL_ASSIGN(const int64_t labels, label_count(context));
    outputs.push_back({"logits", linear(weights, "class_labels_classifier", x, config.hidden,
                                        labels + 1)});  // "no object" is the last
    outputs.push_back({"pred_boxes", boxes(weights, config.hidden, x)});
  }
  outputs.push_back({"last_hidden_state", x});
  outputs.push_back({"encoder_last_hidden_state", memory.tokens});
  return outputs;
}

// --- descriptor --------------------------------------------------------------------------------

constexpr std::array<Architecture, 2> kArchitectures{{
    {"DetrModel", Head::kBase},
    {"DetrForObjectDetection", Head::kObjectDetection},
}};

const std::array<InputSpec, 2> kInputs{{
    {"pixel_values", DType::kF32, {-1, -1, -1, -1}, Needed::kAlways},
    {"pixel_mask", DType::kI64, {-1, -1, -1}, Needed::kOnRequest},
}};

}  // namespace
}  // namespace detr

const Family kDetr{
    .model_type = "detr",
    .title = "DETR",
    .reference = "arXiv:2005.12872",
    .architectures = detr::kArchitectures,
    .inputs = detr::kInputs,
    .unused_weights = detr::kUnused,
    .facts = detr::facts,
    .build = detr::build,
};

}  // namespace accel::models
