// Marian (Junczys-Dowmunt et al., arXiv:1804.00344), OPUS-MT's translators: BART's layers with
// computed positions, and one vocabulary or two.
#include <array>
#include <cmath>
#include <openvino/op/constant.hpp>
#include <openvino/op/gather.hpp>
#include <openvino/op/matmul.hpp>
#include <vector>

#include "base/try.h"
#include "models/blocks/blocks.h"
#include "models/blocks/heads.h"
#include "models/blocks/seq2seq.h"
#include "models/config_reader.h"
#include "models/families/families.h"

namespace accel::models {
namespace marian {
namespace {

// --- config ------------------------------------------------------------------------------------

struct MarianConfig {
  Seq2SeqStack encoder;
  Seq2SeqStack decoder;
  int64_t vocabulary = 0;
  int64_t target_vocabulary = 0;  // rows of the decoder's table
  int64_t logits = 0;             // tokens the language model tells apart
  int64_t positions = 0;
  float embedding_scale = 1;
  bool shared = true;  // one table for encoder and decoder
  bool tied = true;    // the language model has the decoder's
};

// Of the computed table of positions, for which no stored tensor vouches.
constexpr int64_t kMostValues = int64_t{1} << 28;

Result<MarianConfig> read_config(const Json& json) {
  ConfigReader in(json);
  Seq2SeqStack stack{.name = "encoder",
                     .hidden = 1024,
                     .layers = 12,
                     .heads = 16,
                     .intermediate = 4096,
                     .activation = "gelu"};
  MarianConfig config{.encoder = read_seq2seq_stack(in, stack)};
  stack.name = "decoder";
  config.decoder = read_seq2seq_stack(in, stack);
  config.vocabulary = in.size_or("vocab_size", 58101);
  config.shared = in.flag_or("share_encoder_decoder_embeddings", true);
  config.tied = in.flag_or("tie_word_embeddings", true);
  const int64_t own = in.size_or("decoder_vocab_size", config.vocabulary);
  config.logits = config.shared ? config.vocabulary : own;
  // Untied, the reference library makes the decoder's table as long as the encoder's.
  config.target_vocabulary = config.shared || !config.tied ? config.vocabulary : own;
  config.positions = in.size_or("max_position_embeddings", 1024);
  if (config.positions > kMostValues / config.encoder.hidden) {
    in.problem("max_position_embeddings: expected a table of positions, max_position_embeddings "
               "times d_model, of at most 2^28 values");
  }
  if (in.flag_or("scale_embedding", false)) {
    config.embedding_scale = std::sqrt(static_cast<float>(config.encoder.hidden));
  }
  // Fields of the first checkpoints, which the reference library reads no more.
  in.expect("normalize_before", false, "layer norms stand behind the sublayers in this family");
  in.expect("normalize_embedding", false, "embeddings are not normalised in this family");
  in.expect("static_position_embeddings", true, "positions are computed in this family");
  in.expect("is_encoder_decoder", true, "a decoder on its own is not built");
  in.expect("is_decoder", false, "a decoder on its own is not built");
  in.expect("tie_encoder_decoder", false, "layers shared by encoder and decoder are not built");
  ACCEL_TRY(in.status());
  return config;
}

Result<Facts> facts(const Json& json) {
  ACCEL_ASSIGN(const MarianConfig config, read_config(json));
  ACCEL_ASSIGN(const int64_t labels, label_count(json));
  return Facts{.hidden_size = config.encoder.hidden,
               .layers = config.encoder.layers,
               .vocabulary = config.vocabulary,
               .max_positions = config.positions,
               .labels = labels,
               .index_limits = {{"input_ids", config.vocabulary},
                                {"decoder_input_ids", config.target_vocabulary}},
               .length_limits = {{"decoder_input_ids", config.positions}},
               .input_shapes = {{"encoder_hidden_states", {-1, -1, config.encoder.hidden}}}};
}

// --- weight names ------------------------------------------------------------------------------

constexpr std::array<std::string_view, 2> kPrefixes{"", "model."};

// Tied tables are stored under one or several of their names. Tables of positions are at times
// stored, too; they hold what is computed here.
constexpr std::array<std::string_view, 7> kUnused{
    "shared.",           "encoder.embed_tokens.",    "decoder.embed_tokens.",    "lm_head.",
    "final_logits_bias", "encoder.embed_positions.", "decoder.embed_positions.",
};
constexpr std::array<std::string_view, 4> kSharedTable{
    "shared.weight",
    "decoder.embed_tokens.weight",
    "encoder.embed_tokens.weight",
    "lm_head.weight",
};
constexpr std::array<std::string_view, 2> kTargetTable{
    "decoder.embed_tokens.weight",
    "lm_head.weight",
};

// --- build -------------------------------------------------------------------------------------

std::string table_of(const Weights& weights, const MarianConfig& config, const std::string& part) {
  if (!config.shared) {
    if (part == "encoder") return "encoder.embed_tokens.weight";
    if (config.tied) return stored_name(weights, kTargetTable);
  }
  std::string own = part == "lm_head" ? "lm_head.weight" : part + ".embed_tokens.weight";
  if (!config.tied && weights.has(own)) return own;
  return config.shared ? stored_name(weights, kSharedTable) : own;
}

// sin(p / 10000^(2 i / H)) in column i of the first half of row p, the cosine in that of the second
// (Vaswani et al., arXiv:1706.03762, 3.5, whose columns alternate): [rows, H].
Output sinusoids(int64_t rows, int64_t hidden) {
  std::vector<float> values;
  values.reserve(static_cast<size_t>(rows * hidden));
  const int64_t sines = (hidden + 1) / 2;
  for (int64_t p = 0; p < rows; ++p) {
    for (int64_t i = 0; i < hidden; ++i) {
      const auto pair = static_cast<double>(i < sines ? i : i - sines);
      const double angle =
          static_cast<double>(p) / std::pow(10000.0, 2 * pair / static_cast<double>(hidden));
      values.push_back(static_cast<float>(i < sines ? std::sin(angle) : std::cos(angle)));
    }
  }
  const ov::Shape shape{static_cast<size_t>(rows), static_cast<size_t>(hidden)};
  return ov::op::v0::Constant::create(ov::element::f32, shape, values);
}

// Word + position: [B, L] -> [B, L, H].
Output embeddings(Weights& weights, const MarianConfig& config, const Seq2SeqStack& stack,
                  int64_t vocabulary, const Output& ids) {
  Output x =
      embedding(weights, table_of(weights, config, stack.name), ids, vocabulary, stack.hidden);
  if (config.embedding_scale != 1) x = multiply(x, scalar(config.embedding_scale));
  const auto axis = ov::op::v0::Constant::create(ov::element::i64, ov::Shape{}, {0});
  return add(x, std::make_shared<ov::op::v8::Gather>(sinusoids(config.positions, stack.hidden),
                                                     positions_of(ids), axis));
}

Output language_model(Weights& weights, const MarianConfig& config, const Output& x) {
  const Output table =
      weights.get(table_of(weights, config, "lm_head"), {config.logits, config.decoder.hidden});
  Output logits = std::make_shared<ov::op::v0::MatMul>(x, table, false, true);
  if (!weights.has("final_logits_bias")) return logits;
  return add(logits, weights.get("final_logits_bias", {1, config.logits}));
}

Result<std::vector<NamedOutput>> build(BuildContext& context) {
  ACCEL_ASSIGN(const MarianConfig config, read_config(context.config));
  Weights& weights = context.weights;
  weights.choose_prefix(kPrefixes, "encoder.layers.0.fc1.weight");
  ACCEL_ASSIGN(const Seq2SeqInputs inputs, take_seq2seq_inputs(context.inputs));
  Memory memory{.mask = inputs.mask};
  if (inputs.source) {
    const std::string_view states = inputs.target ? "encoder_hidden_states" : "hidden_states";
    const Output x = embeddings(weights, config, config.encoder, config.vocabulary, *inputs.source);
    ACCEL_ASSIGN(memory.states, seq2seq_encoder(context, config.encoder, x, inputs.mask, states));
  } else {
    weights.skip("encoder.");
    memory.states = *inputs.memory;
  }
  if (!inputs.target) {
    weights.skip("decoder.");
    return std::vector<NamedOutput>{{"last_hidden_state", memory.states}};
  }
  const Output x =
      embeddings(weights, config, config.decoder, config.target_vocabulary, *inputs.target);
  const Output mask = decoder_mask(*inputs.target, inputs.target_mask);
  ACCEL_ASSIGN(const Output y,
               seq2seq_decoder(context, config.decoder, x, mask, memory, "decoder_hidden_states"));
  std::vector<NamedOutput> outputs{{"last_hidden_state", y}};
  if (context.head == Head::kTextToText) {
    outputs = {{"logits", language_model(weights, config, y)}};
  }
  if (inputs.source) outputs.push_back({"encoder_last_hidden_state", memory.states});
  return outputs;
}

// --- descriptor --------------------------------------------------------------------------------

constexpr std::array<Architecture, 2> kArchitectures{{
    {"MarianModel", Head::kBase},
    {"MarianMTModel", Head::kTextToText},
}};

}  // namespace
}  // namespace marian

const Family kMarian{
    .model_type = "marian",
    .title = "Marian",
    .reference = "arXiv:1804.00344",
    .tokenizer = "MarianTokenizer",
    .architectures = marian::kArchitectures,
    .inputs = kTextSeq2SeqInputs,
    .unused_weights = marian::kUnused,
    .facts = marian::facts,
    .build = marian::build,
};

}  // namespace accel::models
