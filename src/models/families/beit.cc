// BEiT (Bao et al., arXiv:2106.08254): a vision transformer whose attention knows how far apart
// patches lie.
#include <array>
#include <cmath>
#include <openvino/op/broadcast.hpp>
#include <openvino/op/concat.hpp>
#include <openvino/op/constant.hpp>
#include <openvino/op/divide.hpp>
#include <openvino/op/gather.hpp>
#include <openvino/op/range.hpp>
#include <openvino/op/reshape.hpp>
#include <openvino/op/squeeze.hpp>
#include <openvino/op/subtract.hpp>
#include <openvino/op/transpose.hpp>
#include <openvino/op/unsqueeze.hpp>
#include <openvino/op/variadic_split.hpp>

#include "base/try.h"
#include "models/blocks/blocks.h"
#include "models/blocks/heads.h"
#include "models/blocks/patch_embedding.h"
#include "models/blocks/pre_norm_encoder.h"
#include "models/config_reader.h"
#include "models/families/families.h"

namespace accel::models {
namespace beit {
namespace {

// --- config ------------------------------------------------------------------------------------

// The analyzer loses the fields on their way through Result.
struct BeitConfig {  // NOLINT(clang-analyzer-core.uninitialized.Assign)
  PreNormEncoder encoder;
  Patches patches;
  int64_t side = 0;             // rows of the table of absolute positions; 0: none
  bool bias_per_layer = false;  // of relative positions
  bool bias_shared = false;     // likewise, one for all layers
  bool mean_pooling = true;
};

Result<BeitConfig> read_config(const Json& json) {
  ConfigReader in(json);
  BeitConfig config{
      .encoder = read_pre_norm_encoder(in),
      .patches = read_patches(in),
      .bias_per_layer = in.flag_or("use_relative_position_bias", false),
      .bias_shared = in.flag_or("use_shared_relative_position_bias", false),
      .mean_pooling = in.flag_or("use_mean_pooling", true),
  };
  config.encoder.key_bias = false;
  if (in.number_or("layer_scale_init_value", 0.1) > 0) {
    config.encoder.names.attention_scale = "lambda_1";
    config.encoder.names.feed_forward_scale = "lambda_2";
  }
  if (in.flag_or("use_absolute_position_embeddings", false)) {
    const int64_t count = config.patches.count();
    config.side = std::llround(std::sqrt(static_cast<double>(count)));
    if (config.side * config.side != count) {
      in.problem("image_size: expected as many patches as a square has, for absolute positions");
    }
  }
  ACCEL_TRY(in.status());
  return config;
}

Result<Facts> facts(const Json& json) {
  ACCEL_ASSIGN(const BeitConfig config, read_config(json));
  ACCEL_ASSIGN(const int64_t labels, label_count(json));
  return Facts{.hidden_size = config.encoder.hidden,
               .layers = config.encoder.layers,
               .labels = labels,
               .input_shapes = {{"pixel_values", config.patches.free_input_shape()}}};
}

// --- weight names ------------------------------------------------------------------------------

constexpr std::array<std::string_view, 2> kPrefixes{"", "beit."};

constexpr std::array<std::string_view, 9> kUnused{
    "embeddings.mask_token",
    "pooler.",
    "classifier.",
    "layernorm.",
    "lm_head.",
    "fpn1.",
    "fpn2.",
    "decode_head.",
    "auxiliary_head.",
};

const std::string kBias = "relative_position_bias.relative_position_bias_table";
const std::string kBiasIndex = "relative_position_bias.relative_position_index";  // a buffer

// --- build -------------------------------------------------------------------------------------

Output number(int64_t value) {
  return ov::op::v0::Constant::create(ov::element::i64, ov::Shape{}, {value});
}
Output difference(const Output& a, const Output& b) {
  return std::make_shared<ov::op::v1::Subtract>(a, b);
}
Output stacked(const ov::OutputVector& parts, int64_t axis) {
  return std::make_shared<ov::op::v0::Concat>(parts, axis);
}

// The row of a bias table for every two of the class token and the patches of a grid of `size`, i64
// [2]: [L, L]. A table has one row per distance of patches, (2 rows - 1)(2 columns - 1) of them,
// then those from the class token to a patch, from a patch to it and from it to itself.
Output bias_rows(const Output& size) {
  const auto rows = std::make_shared<ov::op::v8::Gather>(size, number(0), number(0));
  const auto columns = std::make_shared<ov::op::v8::Gather>(size, number(1), number(0));
  const Output stride = difference(multiply(columns, number(2)), number(1));  // 2 columns - 1
  const Output distances = multiply(difference(multiply(rows, number(2)), number(1)), stride);
  const Output count = multiply(rows, columns);
  const auto patch =
      std::make_shared<ov::op::v4::Range>(number(0), count, number(1), ov::element::i64);
  const auto row = std::make_shared<ov::op::v1::Divide>(patch, columns);
  const Output column = difference(patch, multiply(row, columns));
  const Output place = add(multiply(row, stride), column);
  const auto query = std::make_shared<ov::op::v0::Unsqueeze>(place, integers({1}));
  // The largest place is that of the last patch, half of the distances.
  const auto middle =
      std::make_shared<ov::op::v1::Divide>(difference(distances, number(1)), number(2));
  const Output patches = add(difference(query, place), middle);
  const auto one = integers({1});
  const auto many = std::make_shared<ov::op::v0::Unsqueeze>(count, integers({0}));
  const auto filled = [&](int64_t behind, const Output& high, const Output& wide) -> Output {
    return std::make_shared<ov::op::v3::Broadcast>(add(distances, number(behind)),
                                                   stacked({high, wide}, 0));
  };
  return stacked({stacked({filled(2, one, one), filled(0, one, many)}, 1),
                  stacked({filled(1, many, one), patches}, 1)},
                 0);
}

// What a bias table adds to the scores: [1, A, L, L].
Output score_bias(Weights& weights, const std::string& name, const BeitConfig& config,
                  const Output& size, const Output& rows) {
  const int64_t heads = config.encoder.heads;
  const int64_t high = 2 * config.patches.rows() - 1;
  const int64_t wide = 2 * config.patches.columns() - 1;
  const Output table = weights.get(name, {high * wide + 3, heads});
  const auto parts =
      std::make_shared<ov::op::v1::VariadicSplit>(table, number(0), integers({high * wide, 3}));
  // The reference library takes the table's width first, which shows in images that are no squares.
  const auto grid = std::make_shared<ov::op::v1::Reshape>(parts->output(0),
                                                          integers({1, wide, high, heads}), false);
  const auto planes = std::make_shared<ov::op::v1::Transpose>(grid, integers({0, 3, 1, 2}));
  const Output distances = difference(multiply(size, integers({2})), integers({1}));
  const auto resized_table = std::make_shared<ov::op::v0::Squeeze>(
      grid_tokens(resized(planes, distances, Resize::kBilinear)), integers({0}));
  const auto pairs = std::make_shared<ov::op::v8::Gather>(
      stacked({resized_table, parts->output(1)}, 0), rows, number(0));
  const auto by_head = std::make_shared<ov::op::v1::Transpose>(pairs, integers({2, 0, 1}));
  return std::make_shared<ov::op::v0::Unsqueeze>(by_head, integers({0}));
}

// The class token and patches of `grid`, [B, L, H].
Output embeddings(Weights& weights, const BeitConfig& config, const Output& grid) {
  const int64_t hidden = config.encoder.hidden;
  const Output cls = weights.get("embeddings.cls_token", {1, 1, hidden});
  if (config.side == 0) return with_tokens({cls}, grid_tokens(grid));
  const PositionTable positions{.rows = config.side, .columns = config.side};
  const SplitPositions at = resized_positions(
      weights.get("embeddings.position_embeddings", {1, positions.count(), hidden}), positions,
      grid_size(grid), Resize::kBicubic);
  return with_tokens({add(cls, at.before)}, add(grid_tokens(grid), at.patches));
}

Result<Output> encode(BuildContext& context, const BeitConfig& config) {
  Weights& weights = context.weights;
  const Output grid =
      patch_grid(weights, "embeddings.patch_embeddings.projection",
                 *context.inputs.take("pixel_values"), config.patches, config.encoder.hidden);
  const Output size = grid_size(grid);
  Output x = embeddings(weights, config, grid);
  const Output rows = bias_rows(size);
  std::optional<Output> shared;
  if (config.bias_shared) {
    shared = score_bias(weights, "encoder." + kBias, config, size, rows);
    weights.skip("encoder." + kBiasIndex);
  }
  context.keep_state(x);
  for (int64_t i = 0; i < config.encoder.layers; ++i) {
    std::optional<Output> bias = shared;
    if (config.bias_per_layer) {
      const std::string layer =
          config.encoder.names.layers + std::to_string(i) + ".attention.attention.";
      const Output own = score_bias(weights, layer + kBias, config, size, rows);
      bias = shared ? add(*shared, own) : own;
      weights.skip(layer + kBiasIndex);
    }
    ACCEL_ASSIGN(x, pre_norm_layer(weights, config.encoder, i, x, bias));
    context.keep_state(x);
  }
  return x;
}

Result<std::vector<NamedOutput>> build(BuildContext& context) {
  ACCEL_ASSIGN(const BeitConfig config, read_config(context.config));
  Weights& weights = context.weights;
  const PreNormEncoder& encoder = config.encoder;
  weights.choose_prefix(kPrefixes, "embeddings.cls_token");
  ACCEL_ASSIGN(Output x, encode(context, config));
  if (!config.mean_pooling)
    x = layer_norm(weights, "layernorm", x, encoder.hidden, encoder.epsilon);
  const auto pooled = [&]() -> Output {
    if (!config.mean_pooling) return first_token(x);
    return layer_norm(weights, "pooler.layernorm", mean_token(tokens_from(x, 1)), encoder.hidden,
                      encoder.epsilon);
  };
  if (context.head == Head::kImageClassification) {
    ACCEL_ASSIGN(const int64_t labels, label_count(context));
    return std::vector<NamedOutput>{
        {"logits", linear(weights, "classifier", pooled(), encoder.hidden, labels)}};
  }
  std::vector<NamedOutput> outputs{{"last_hidden_state", x}};
  if (!config.mean_pooling || weights.has("pooler.layernorm.weight")) {
    outputs.push_back({"pooler_output", pooled()});
  }
  return outputs;
}

// --- descriptor --------------------------------------------------------------------------------

constexpr std::array<Architecture, 2> kArchitectures{{
    {"BeitModel", Head::kBase},
    {"BeitForImageClassification", Head::kImageClassification},
}};

const std::array<InputSpec, 1> kInputs{{
    {"pixel_values", DType::kF32, {-1, -1, -1, -1}, Needed::kAlways},
}};

}  // namespace
}  // namespace beit

const Family kBeit{
    .model_type = "beit",
    .title = "BEiT",
    .reference = "arXiv:2106.08254",
    .architectures = beit::kArchitectures,
    .inputs = beit::kInputs,
    .unused_weights = beit::kUnused,
    .facts = beit::facts,
    .build = beit::build,
};

}  // namespace accel::models
