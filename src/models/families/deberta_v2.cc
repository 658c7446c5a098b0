// DeBERTa v2 and v3 (He et al., arXiv:2006.03654, arXiv:2111.09543): BERT's encoder whose scores
// also compare content with the embeddings of distances ("disentangled attention").
#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <limits>
#include <openvino/op/clamp.hpp>
#include <openvino/op/concat.hpp>
#include <openvino/op/constant.hpp>
#include <openvino/op/convert.hpp>
#include <openvino/op/convolution.hpp>
#include <openvino/op/gather.hpp>
#include <openvino/op/group_conv.hpp>
#include <openvino/op/matmul.hpp>
#include <openvino/op/range.hpp>
#include <openvino/op/reshape.hpp>
#include <openvino/op/shape_of.hpp>
#include <openvino/op/slice.hpp>
#include <openvino/op/subtract.hpp>
#include <openvino/op/transpose.hpp>
#include <openvino/op/unsqueeze.hpp>
#include <string>
#include <utility>
#include <vector>

#include "base/try.h"
#include "models/blocks/bert_encoder.h"
#include "models/blocks/blocks.h"
#include "models/blocks/heads.h"
#include "models/config_reader.h"
#include "models/families/families.h"

namespace accel::models {
namespace deberta_v2 {
namespace {

// --- config ------------------------------------------------------------------------------------

// Distances that a table may tell apart; the reference's are 512 at most.
constexpr int64_t kSpanMax = 65536;

// How far scores look at distances.
struct Distances {
  bool used = false;
  bool content_to_position = false;  // also counts in the scores' scale when unused
  bool position_to_content = false;  // likewise
  bool shared_key = false;           // distances are projected by the layer's query and key
  bool normalised = false;           // the table is, before it is projected
  int64_t buckets = 0;               // 0: each distance has its own
  int64_t reach = 0;                 // max_relative_positions

  // Rows of the table: for either direction so many.
  int64_t span() const { return buckets > 0 ? buckets : reach; }
};

// A convolution beside the first layer.
struct Convolution {
  int64_t kernel = 0;  // 0: none
  int64_t groups = 1;
  std::string activation;
};

// The analyzer loses the fields on their way through Result.
struct DebertaConfig {  // NOLINT(clang-analyzer-core.uninitialized.Assign)
  BertEncoder encoder;
  EmbeddingTables tables;
  Distances distances;
  Convolution convolution;
  std::string pooler_activation;
  bool legacy_head = true;
};

// The parts of "p2c|c2p", stripped and in small letters; `found` may be a list of them as well.
std::vector<std::string> read_parts(ConfigReader& in, const Json& json, std::string_view name) {
  const auto found = json.is_object() ? json.find(name) : json.end();
  if (found == json.end() || found->is_null()) return {};
  std::vector<std::string> parts;
  if (found->is_array()) {
    for (const Json& part : *found)
      parts.push_back(part.is_string() ? part.get<std::string>() : "");
    return parts;
  }
  std::string part;
  for (const char c : in.text_or(name, "") + "|") {
    if (c == '|') parts.push_back(std::exchange(part, ""));
    if (c != '|' && c != ' ') part += static_cast<char>(std::tolower(static_cast<uint8_t>(c)));
  }
  return parts;
}

Distances read_distances(ConfigReader& in, const Json& json, int64_t positions) {
  Distances distances{.used = in.flag_or("relative_attention", false),
                      .shared_key = in.flag_or("share_att_key", false),
                      .buckets = in.size_if_positive("position_buckets", 0),
                      .reach = in.size_if_positive("max_relative_positions", positions)};
  for (const std::string& part : read_parts(in, json, "pos_att_type")) {
    if (part == "c2p") {
      distances.content_to_position = true;
    } else if (part == "p2c") {
      distances.position_to_content = true;
    } else if (!part.empty() && part != "none") {
      in.problem("pos_att_type: expected parts c2p and p2c, found " + part);
    }
  }
  for (const std::string& part : read_parts(in, json, "norm_rel_ebd")) {
    if (part == "layer_norm") {
      distances.normalised = true;
    } else if (!part.empty() && part != "none") {
      in.problem("norm_rel_ebd: expected layer_norm or none, found " + part);
    }
  }
  if (distances.buckets == 1) in.problem("position_buckets: expected at least 2, found 1");
  if (distances.span() > kSpanMax) {
    in.problem("position_buckets or max_relative_positions: expected at most 65536 distances");
  }
  return distances;
}

Convolution read_convolution(ConfigReader& in, int64_t hidden) {
  Convolution convolution{.kernel = in.size_if_positive("conv_kernel_size", 0),
                          .groups = in.size_or("conv_groups", 1),
                          .activation = in.text_or("conv_act", "tanh")};
  if (convolution.kernel > 0 && convolution.kernel % 2 == 0) {
    in.problem("conv_kernel_size: expected an odd size, which keeps the number of tokens");
  }
  if (hidden % convolution.groups != 0) {
    in.problem("conv_groups: expected a divisor of hidden_size");
  }
  return convolution;
}

// Options that the reference library has no code for, or that its own shapes contradict.
void refuse(ConfigReader& in, const BertEncoder& encoder, const EmbeddingTables& tables,
            bool legacy_head) {
  in.expect("position_embedding_type", "absolute", "distances are looked at instead");
  in.expect("z_steps", 0, "the last layer runs once");
  in.expect("attention_head_size", encoder.hidden / encoder.heads, "heads share hidden_size");
  in.expect("pooler_hidden_size", encoder.hidden, "the pooler's input is a state");
  if (!legacy_head && tables.size != encoder.hidden) {
    in.problem("embedding_size: expected hidden_size, because the head of \"legacy\": false "
               "compares states with word embeddings");
  }
}

Result<DebertaConfig> read_config(const Json& json) {
  ConfigReader in(json);
  BertEncoder encoder = read_bert_encoder(
      in, {.hidden = 1536, .layers = 24, .heads = 24, .intermediate = 6144, .epsilon = 1e-7});
  encoder.names.query = "attention.self.query_proj";
  encoder.names.key = "attention.self.key_proj";
  encoder.names.value = "attention.self.value_proj";
  const bool placed = in.flag_or("position_biased_input", true);
  const EmbeddingTables tables{.size = in.size_or("embedding_size", encoder.hidden),
                               .vocabulary = in.size_or("vocab_size", 128100),
                               .token_types = in.count_or("type_vocab_size", 0),
                               .positions = placed ? encoder.positions : 0};
  const bool legacy_head = in.flag_or("legacy", true);
  refuse(in, encoder, tables, legacy_head);
  DebertaConfig config{.encoder = encoder,
                       .tables = tables,
                       .distances = read_distances(in, json, encoder.positions),
                       .convolution = read_convolution(in, encoder.hidden),
                       .pooler_activation = in.text_or("pooler_hidden_act", "gelu"),
                       .legacy_head = legacy_head};
  ACCEL_TRY(in.status());
  return config;
}

// Without absolute positions, any length will do: far distances share a row. Buckets that begin
// behind the reach have no logarithm to grow by.
int64_t longest(const DebertaConfig& config) {
  const Distances& distances = config.distances;
  const int64_t near = distances.buckets / 2;
  const bool ends = distances.used && distances.buckets > 0 && distances.reach - 1 <= near;
  if (!ends) return config.tables.positions;
  return config.tables.positions > 0 ? std::min(config.tables.positions, near + 1) : near + 1;
}

Result<Facts> facts(const Json& json) {
  ACCEL_ASSIGN(const DebertaConfig config, read_config(json));
  return bert_facts(json, config.encoder, config.tables, longest(config));
}

// --- weight names ------------------------------------------------------------------------------

constexpr std::array<std::string_view, 2> kPrefixes{"", "deberta."};

// Models without absolute positions may store a table of them as well; the norm of a table that is
// not used stays, too.
constexpr std::array<std::string_view, 9> kUnused{
    "embeddings.position_ids",
    "embeddings.position_embeddings.",
    "encoder.LayerNorm.",
    "cls.",
    "lm_predictions.",
    "mask_predictions.",
    "classifier.",
    "qa_outputs.",
    "pooler.",
};

const MaskedLmNames kLegacyMaskedLm{
    .dense = "cls.predictions.transform.dense",
    .norm = "cls.predictions.transform.LayerNorm",
    .decoder = "cls.predictions.decoder",
    .tied = "embeddings.word_embeddings.weight",
    .bias = "cls.predictions.bias",
};

const MaskedLmNames kMaskedLm{
    .dense = "lm_predictions.lm_head.dense",
    .norm = "lm_predictions.lm_head.LayerNorm",
    .decoder = "lm_predictions.lm_head.decoder",  // never stored
    .tied = "embeddings.word_embeddings.weight",
    .bias = "lm_predictions.lm_head.bias",
};

// --- build -------------------------------------------------------------------------------------

Output integer(int64_t value) {
  return ov::op::v0::Constant::create(ov::element::i64, ov::Shape{}, {value});
}

// The bucket of a distance that is not negative: short ones have their own, those from half of the
// buckets on share logarithmically wider ones.
int64_t bucket(const Distances& distances, int64_t distance) {
  const int64_t near = distances.buckets / 2;
  if (distances.buckets == 0 || distance <= near) return distance;
  // In the reference's precision: a bucket's first distance is where the product passes a whole.
  const auto ratio =
      static_cast<float>(static_cast<double>(distances.reach - 1) / static_cast<double>(near));
  const float share =
      std::log(static_cast<float>(distance) / static_cast<float>(near)) / std::log(ratio);
  return static_cast<int64_t>(std::ceil(share * static_cast<float>(near - 1))) + near;
}

// The table's rows of the distances -M .. M; those beyond count as M.
std::vector<int64_t> table_rows(const Distances& distances) {
  const int64_t span = distances.span();
  const bool ends = distances.buckets > 0 && distances.reach - 1 <= distances.buckets / 2;
  const int64_t most = ends ? distances.buckets / 2 : kSpanMax;
  std::vector<int64_t> ahead{0};
  while (ahead.back() < span && static_cast<int64_t>(ahead.size()) <= most) {
    ahead.push_back(bucket(distances, static_cast<int64_t>(ahead.size())));
  }
  std::vector<int64_t> rows;
  for (size_t i = ahead.size() - 1; i > 0; --i)
    rows.push_back(std::max(span - ahead[i], int64_t{0}));
  for (const int64_t each : ahead) rows.push_back(std::min(span + each, 2 * span - 1));
  return rows;
}

// What the layers have in common: the table's rows by distance from a token, in the order of the
// other token's place.
struct Compared {
  Output table;  // [1, 2 span, H]
  Output
      as_keys;  // i64 [2 L]: rows of the distances L - 1 .. -L, of keys from far before the query
  Output as_query;  // of the distances 1 - L .. L
  Output length;    // i64 [1]
  Output stride;    // i64 [1]: 2 L - 1
};

Compared compare(Weights& weights, const DebertaConfig& config, const Output& x) {
  const Distances& distances = config.distances;
  const int64_t hidden = config.encoder.hidden;
  Output table = weights.get("encoder.rel_embeddings.weight", {2 * distances.span(), hidden});
  if (distances.normalised) {
    table = layer_norm(weights, "encoder.LayerNorm", table, hidden, config.encoder.epsilon);
  }
  const auto shape = std::make_shared<ov::op::v3::ShapeOf>(x, ov::element::i64);
  const Output length = std::make_shared<ov::op::v8::Gather>(shape, integer(1), integer(0));
  const Output twice = multiply(length, integer(2));
  const auto column =
      std::make_shared<ov::op::v4::Range>(integer(0), twice, integer(1), ov::element::i64);
  const Output distance =
      add(std::make_shared<ov::op::v1::Subtract>(column, length), integer(1));  // 1 - L .. L
  const std::vector<int64_t> rows = table_rows(distances);
  const auto most = static_cast<int64_t>(rows.size()) / 2;
  const auto row_of = [&](const Output& each) -> Output {
    const auto near = std::make_shared<ov::op::v0::Clamp>(each, static_cast<double>(-most),
                                                          static_cast<double>(most));
    return std::make_shared<ov::op::v8::Gather>(integers(rows), add(near, integer(most)),
                                                integer(0));
  };
  const auto as_row = [](const Output& value) -> Output {
    return std::make_shared<ov::op::v0::Unsqueeze>(value, integer(0));
  };
  return {.table = as_row(table),
          .as_keys = row_of(multiply(distance, integer(-1))),
          .as_query = row_of(distance),
          .length = as_row(length),
          .stride = as_row(add(twice, integer(-1)))};
}

// Scores by distance, [B, A, L, 2 L], to scores by place: [B, A, L, L]. Token i's column c belongs
// to place i + c - (L - 1): seen as one row, each token's places begin 2 L - 1 behind the last's.
Output by_place(const Output& scores, const Compared& compared) {
  const auto cut = [](const Output& x, const Output& from, const Output& to, int64_t axis) {
    return std::make_shared<ov::op::v8::Slice>(x, from, to, integers({1}), integers({axis}));
  };
  const auto flat = std::make_shared<ov::op::v1::Reshape>(scores, integers({0, 0, -1}), true);
  const auto shifted = cut(flat, add(compared.length, integers({-1})), integers({-1}), 2);
  const auto pattern = std::make_shared<ov::op::v0::Concat>(
      ov::OutputVector{integers({0, 0, -1}), compared.stride}, 0);
  const auto rows = std::make_shared<ov::op::v1::Reshape>(shifted, pattern, true);
  return cut(rows, integers({0}), compared.length, 3);
}

float score_scale(const DebertaConfig& config) {
  const Distances& distances = config.distances;
  const int64_t kinds =
      1 + (distances.content_to_position ? 1 : 0) + (distances.position_to_content ? 1 : 0);
  const int64_t size = config.encoder.hidden / config.encoder.heads;
  return 1.0F / std::sqrt(static_cast<float>(size * kinds));
}

// What distances add to a layer's scores, scaled: [B, A, L, L]; nothing if no kind is asked for.
std::optional<Output> distance_scores(Weights& weights, const DebertaConfig& config,
                                      const std::string& layer, const AttentionInputs& inputs,
                                      const Compared& compared) {
  const BertEncoder& encoder = config.encoder;
  const Distances& distances = config.distances;
  const auto scores = [&](std::string_view name, const Output& content, const Output& rows) {
    const Output all =
        linear(weights, layer + std::string(name), compared.table, encoder.hidden, encoder.hidden);
    const Output scaled = multiply(split_heads(all, encoder.heads, encoder.hidden / encoder.heads),
                                   scalar(score_scale(config)));
    const auto used = std::make_shared<ov::op::v8::Gather>(scaled, rows, integer(2));
    return by_place(std::make_shared<ov::op::v0::MatMul>(content, used, false, true), compared);
  };
  std::optional<Output> sum;
  if (distances.content_to_position) {
    sum = scores(distances.shared_key ? encoder.names.key : "attention.self.pos_key_proj",
                 inputs.query, compared.as_keys);
  }
  if (distances.position_to_content) {
    const Output by_query =
        scores(distances.shared_key ? encoder.names.query : "attention.self.pos_query_proj",
               inputs.key, compared.as_query);
    const Output by_key = std::make_shared<ov::op::v1::Transpose>(by_query, integers({0, 1, 3, 2}));
    sum = sum ? add(*sum, by_key) : by_key;
  }
  return sum;
}

// Of a mask [B, L] of ones and zeros, the lowest float wherever one of two tokens is padding: [B,
// 1, L, L].
Output pair_mask(const Output& real) {
  const auto keys = std::make_shared<ov::op::v0::Unsqueeze>(real, integers({1, 2}));
  const auto queries = std::make_shared<ov::op::v0::Unsqueeze>(real, integers({1, 3}));
  const auto padding =
      std::make_shared<ov::op::v1::Subtract>(scalar(1.0F), multiply(keys, queries));
  return multiply(padding, scalar(std::numeric_limits<float>::lowest()));
}

// The convolution of the embeddings beside the first layer's output, added to it and normalised:
// [B, L, H]. `real` is [B, L, 1].
Result<Output> convolve(Weights& weights, const DebertaConfig& config, const Output& embedded,
                        const Output& x, const std::optional<Output>& real) {
  const auto& [kernel, groups, name] = config.convolution;
  const int64_t hidden = config.encoder.hidden;
  const int64_t each = hidden / groups;
  const Output matrix = weights.get("encoder.conv.conv.weight", {hidden, each, kernel});
  const auto channels = std::make_shared<ov::op::v1::Transpose>(embedded, integers({0, 2, 1}));
  const ov::Strides once{1};
  const ov::CoordinateDiff pad{(kernel - 1) / 2};
  Output y;
  if (groups == 1) {
    y = std::make_shared<ov::op::v1::Convolution>(channels, matrix, once, pad, pad, once);
  } else {
    const auto grouped = std::make_shared<ov::op::v1::Reshape>(
        matrix, integers({groups, each, each, kernel}), false);
    y = std::make_shared<ov::op::v1::GroupConvolution>(channels, grouped, once, pad, pad, once);
  }
  y = std::make_shared<ov::op::v1::Transpose>(y, integers({0, 2, 1}));
  y = add(y, weights.get("encoder.conv.conv.bias", {hidden}));
  if (real) y = multiply(y, *real);
  ACCEL_ASSIGN(const Output active, activation(name, y));
  const Output normal =
      layer_norm(weights, "encoder.conv.LayerNorm", add(x, active), hidden, config.encoder.epsilon);
  return real ? multiply(normal, *real) : normal;
}

// All layers: embeddings [B, L, H] to states [B, L, H]. `real` is the attention mask, [B, L].
Result<Output> encode(BuildContext& context, const DebertaConfig& config, const Output& embedded,
                      const std::optional<Output>& real) {
  Weights& weights = context.weights;
  const BertEncoder& encoder = config.encoder;
  std::optional<Compared> compared;
  if (config.distances.used) compared = compare(weights, config, embedded);
  std::optional<Output> mask;
  std::optional<Output> tokens;
  if (real) {
    mask = pair_mask(*real);
    tokens = std::make_shared<ov::op::v0::Unsqueeze>(*real, integers({2}));
  }
  Output x = embedded;
  context.keep_state(x);
  for (int64_t i = 0; i < encoder.layers; ++i) {
    const std::string layer = "encoder.layer." + std::to_string(i) + ".";
    const AttentionInputs inputs = attention_inputs(weights, encoder, layer, x);
    std::optional<Output> bias = mask;
    if (compared) {
      const auto more = distance_scores(weights, config, layer, inputs, *compared);
      if (more) bias = mask ? add(*more, *mask) : *more;
    }
    const Output mixed =
        attention(inputs.query, inputs.key, inputs.value, bias, {.scale = score_scale(config)});
    ACCEL_ASSIGN(x, after_attention(weights, encoder, layer, mixed, x));
    if (i == 0 && config.convolution.kernel > 0) {
      ACCEL_ASSIGN(x, convolve(weights, config, embedded, x, tokens));
    }
    context.keep_state(x);
  }
  return x;
}

Result<std::vector<NamedOutput>> head(BuildContext& context, const DebertaConfig& config,
                                      const Output& x) {
  Weights& weights = context.weights;
  const int64_t hidden = config.encoder.hidden;
  switch (context.head) {
    case Head::kMaskedLm: {
      const MaskedLmSizes sizes{hidden, config.tables.size, config.tables.vocabulary,
                                config.encoder.epsilon};
      const std::string& name = config.encoder.activation;
      if (config.legacy_head) return masked_lm(context, kLegacyMaskedLm, sizes, name, x);
      ACCEL_ASSIGN(const Output logits, masked_lm_logits(weights, kMaskedLm, sizes, name, x));
      return std::vector<NamedOutput>{{"logits", logits}};
    }
    case Head::kMultipleChoice:
    case Head::kSequenceClassification: {
      const Output dense = linear(weights, "pooler.dense", first_token(x), hidden, hidden);
      ACCEL_ASSIGN(const Output pooled, activation(config.pooler_activation, dense));
      return classify(context, "classifier", pooled, hidden);
    }
    case Head::kTokenClassification: return classify(context, "classifier", x, hidden);
    case Head::kQuestionAnswering: return span_logits(weights, "qa_outputs", x, hidden);
    default: return std::vector<NamedOutput>{{"last_hidden_state", x}};
  }
}

Result<std::vector<NamedOutput>> build(BuildContext& context) {
  ACCEL_ASSIGN(const DebertaConfig config, read_config(context.config));
  const int64_t hidden = config.encoder.hidden;
  const int64_t size = config.tables.size;
  Weights& weights = context.weights;
  weights.choose_prefix(kPrefixes, "embeddings.word_embeddings.weight");
  const Output ids = *context.inputs.take("input_ids");
  std::optional<Output> real;
  if (const auto mask = context.inputs.take("attention_mask")) {
    real = std::make_shared<ov::op::v0::Convert>(*mask, ov::element::f32);
  }
  Output x = embedding_sum(context, config.tables, ids, positions_of(ids));
  if (size != hidden) x = linear(weights, "embeddings.embed_proj", x, size, hidden, false);
  x = layer_norm(weights, "embeddings.LayerNorm", x, hidden, config.encoder.epsilon);
  if (real) {  // padding starts as zeros
    x = multiply(x, std::make_shared<ov::op::v0::Unsqueeze>(*real, integers({2})));
  }
  ACCEL_ASSIGN(x, encode(context, config, x, real));
  return head(context, config, x);
}

// --- descriptor --------------------------------------------------------------------------------

constexpr std::array<Architecture, 6> kArchitectures{{
    {"DebertaV2Model", Head::kBase},
    {"DebertaV2ForMaskedLM", Head::kMaskedLm},
    {"DebertaV2ForSequenceClassification", Head::kSequenceClassification},
    {"DebertaV2ForTokenClassification", Head::kTokenClassification},
    {"DebertaV2ForQuestionAnswering", Head::kQuestionAnswering},
    {"DebertaV2ForMultipleChoice", Head::kMultipleChoice},
}};

const std::array<InputSpec, 4> kInputs{{
    {"input_ids", DType::kI64, {-1, -1}, Needed::kAlways},
    {"attention_mask", DType::kI64, {-1, -1}, Needed::kUsually, "input_ids"},
    {"token_type_ids", DType::kI64, {-1, -1}, Needed::kOnRequest, "input_ids"},
    {"position_ids", DType::kI64, {-1, -1}, Needed::kOnRequest, "input_ids"},
}};

}  // namespace
}  // namespace deberta_v2

const Family kDebertaV2{
    .model_type = "deberta-v2",
    .title = "DeBERTa v2",
    .reference = "arXiv:2006.03654",
    .tokenizer = "DebertaV2Tokenizer",
    .architectures = deberta_v2::kArchitectures,
    .inputs = deberta_v2::kInputs,
    .unused_weights = deberta_v2::kUnused,
    .facts = deberta_v2::facts,
    .build = deberta_v2::build,
};

}  // namespace accel::models
