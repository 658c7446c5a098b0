// BART (Lewis et al., arXiv:1910.13461) and mBART (Liu et al., arXiv:2001.08210): encoder and
// decoder with learned positions; mBART's layers are normalised before instead of behind.
#include <array>
#include <cmath>
#include <openvino/op/broadcast.hpp>
#include <openvino/op/constant.hpp>
#include <openvino/op/convert.hpp>
#include <openvino/op/gather.hpp>
#include <openvino/op/matmul.hpp>
#include <openvino/op/not_equal.hpp>
#include <openvino/op/reduce_sum.hpp>
#include <openvino/op/shape_of.hpp>

#include "base/try.h"
#include "models/blocks/blocks.h"
#include "models/blocks/heads.h"
#include "models/blocks/seq2seq.h"
#include "models/config_reader.h"
#include "models/families/families.h"

namespace accel::models {
namespace bart {
namespace {

// --- config ------------------------------------------------------------------------------------

struct BartConfig {
  Seq2SeqStack encoder;
  Seq2SeqStack decoder;
  int64_t vocabulary = 0;
  int64_t positions = 0;
  float embedding_scale = 1;
  bool tied = true;  // encoder, decoder and language model share one table
  bool mbart = false;
  int64_t padding = 1;  // token ids
  int64_t end = 2;
  int64_t start = 2;
};

constexpr int64_t kPositionOffset = 2;  // rows of the position tables that no token uses

Result<BartConfig> read_config(const Json& json) {
  ConfigReader in(json);
  const bool mbart = in.text_or("model_type", "bart") == "mbart";
  Seq2SeqStack stack{.name = "encoder",
                     .hidden = 1024,
                     .layers = 12,
                     .heads = 16,
                     .intermediate = 4096,
                     .activation = "gelu",
                     .pre_norm = mbart};
  BartConfig config{.encoder = read_seq2seq_stack(in, stack), .mbart = mbart};
  stack.name = "decoder";
  config.decoder = read_seq2seq_stack(in, stack);
  config.vocabulary = in.size_or("vocab_size", 50265);
  config.positions = in.size_or("max_position_embeddings", 1024);
  if (in.flag_or("scale_embedding", false)) {
    config.embedding_scale = std::sqrt(static_cast<float>(config.encoder.hidden));
  }
  config.tied = in.flag_or("tie_word_embeddings", true);
  config.padding = in.count_or("pad_token_id", 1);
  config.end = in.count_or("eos_token_id", 2);
  config.start = in.count_or("decoder_start_token_id", 2);
  // Fields of the first checkpoints, which the reference library reads no more.
  in.expect("normalize_before", mbart, "the family decides where layer norms stand");
  in.expect("static_position_embeddings", false, "positions are learned in this family");
  in.expect("is_encoder_decoder", true, "a decoder on its own is not built");
  in.expect("is_decoder", false, "a decoder on its own is not built");
  in.expect("tie_encoder_decoder", false, "layers shared by encoder and decoder are not built");
  ACCEL_TRY(in.status());
  return config;
}

int64_t default_labels(const BartConfig& config) { return config.mbart ? 2 : 3; }

Result<Facts> facts(const Json& json) {
  ACCEL_ASSIGN(const BartConfig config, read_config(json));
  ACCEL_ASSIGN(const int64_t labels, label_count(json, default_labels(config)));
  return Facts{
      .hidden_size = config.encoder.hidden,
      .layers = config.encoder.layers,
      .vocabulary = config.vocabulary,
      .max_positions = config.positions,
      .labels = labels,
      .index_limits = {{"input_ids", config.vocabulary}, {"decoder_input_ids", config.vocabulary}},
      .length_limits = {{"decoder_input_ids", config.positions}},
      .input_shapes = {{"encoder_hidden_states", {-1, -1, config.encoder.hidden}}}};
}

// --- weight names ------------------------------------------------------------------------------

constexpr std::array<std::string_view, 2> kPrefixes{"", "model."};

// Tied tables are stored under one or several of their names.
constexpr std::array<std::string_view, 7> kUnused{
    "shared.",           "encoder.embed_tokens.", "decoder.embed_tokens.", "lm_head.",
    "final_logits_bias", "classification_head.",  "qa_outputs.",
};
constexpr std::array<std::string_view, 4> kTiedTable{
    "shared.weight",
    "decoder.embed_tokens.weight",
    "encoder.embed_tokens.weight",
    "lm_head.weight",
};

// --- build -------------------------------------------------------------------------------------

std::string table_of(const Weights& weights, const BartConfig& config, const std::string& part) {
  std::string own = part == "lm_head" ? "lm_head.weight" : part + ".embed_tokens.weight";
  if (!config.tied && weights.has(own)) return own;
  return stored_name(weights, kTiedTable);
}

// Word + position, normalised: [B, L] -> [B, L, H].
Output embeddings(Weights& weights, const BartConfig& config, const Seq2SeqStack& stack,
                  const Output& ids) {
  Output x = embedding(weights, table_of(weights, config, stack.name), ids, config.vocabulary,
                       stack.hidden);
  if (config.embedding_scale != 1) x = multiply(x, scalar(config.embedding_scale));
  const Output rows = add(positions_of(ids), integers({kPositionOffset}));
  x = add(x, embedding(weights, stack.name + ".embed_positions.weight", rows,
                       config.positions + kPositionOffset, stack.hidden));
  return layer_norm(weights, stack.name + ".layernorm_embedding", x, stack.hidden, kSeq2SeqEpsilon);
}

// What the decoder reads of a text that is to be judged and not continued: [B, S] -> [B, S]. mBART
// starts with the text's last token, the language.
Output shifted(const BartConfig& config, const Output& ids) {
  const auto axis = ov::op::v0::Constant::create(ov::element::i64, ov::Shape{}, {1});
  if (config.mbart) {
    const Output real = std::make_shared<ov::op::v1::NotEqual>(ids, integers({config.padding}));
    const Output count = std::make_shared<ov::op::v1::ReduceSum>(
        std::make_shared<ov::op::v0::Convert>(real, ov::element::i64), integers({1}), true);
    return shift_right(
        ids, std::make_shared<ov::op::v8::Gather>(ids, add(count, integers({-1})), axis, 1));
  }
  const Output first = std::make_shared<ov::op::v8::Gather>(ids, integers({0}), axis);
  const Output shape = std::make_shared<ov::op::v3::ShapeOf>(first);
  return shift_right(ids, std::make_shared<ov::op::v3::Broadcast>(integers({config.start}), shape));
}

Output language_model(Weights& weights, const BartConfig& config, const Output& x) {
  const Output table =
      weights.get(table_of(weights, config, "lm_head"), {config.vocabulary, config.decoder.hidden});
  Output logits = std::make_shared<ov::op::v0::MatMul>(x, table, false, true);
  if (!weights.has("final_logits_bias")) return logits;
  return add(logits, weights.get("final_logits_bias", {1, config.vocabulary}));
}

Result<std::vector<NamedOutput>> head(BuildContext& context, const BartConfig& config,
                                      const std::optional<Output>& ids, const Output& x) {
  Weights& weights = context.weights;
  const int64_t hidden = config.decoder.hidden;
  switch (context.head) {
    case Head::kTextToText:
      return std::vector<NamedOutput>{{"logits", language_model(weights, config, x)}};
    case Head::kSequenceClassification: {
      if (!ids) {
        return invalid_argument("expected input_ids, whose end token is classified, found "
                                "encoder_hidden_states");
      }
      ACCEL_ASSIGN(const int64_t labels, label_count(context.config, default_labels(config)));
      const Output pooled = state_at_last(x, *ids, config.end);
      ACCEL_ASSIGN(const Output logits, seq2seq_classification(weights, pooled, hidden, labels));
      return std::vector<NamedOutput>{{"logits", logits}};
    }
    case Head::kQuestionAnswering: return span_logits(weights, "qa_outputs", x, hidden);
    default: return std::vector<NamedOutput>{{"last_hidden_state", x}};
  }
}

Result<std::vector<NamedOutput>> build(BuildContext& context) {
  ACCEL_ASSIGN(const BartConfig config, read_config(context.config));
  Weights& weights = context.weights;
  weights.choose_prefix(kPrefixes, "encoder.layers.0.fc1.weight");
  ACCEL_ASSIGN(Seq2SeqInputs inputs, take_seq2seq_inputs(context.inputs));
  const bool generates = context.head == Head::kBase || context.head == Head::kTextToText;
  if (!inputs.target && !generates) inputs.target = shifted(config, *inputs.source);
  Memory memory{.mask = inputs.mask};
  if (inputs.source) {
    const std::string_view states = inputs.target ? "encoder_hidden_states" : "hidden_states";
    const Output x = embeddings(weights, config, config.encoder, *inputs.source);
    ACCEL_ASSIGN(memory.states, seq2seq_encoder(context, config.encoder, x, inputs.mask, states));
  } else {
    weights.skip("encoder.");
    memory.states = *inputs.memory;
  }
  if (!inputs.target) {
    weights.skip("decoder.");
    return std::vector<NamedOutput>{{"last_hidden_state", memory.states}};
  }
  const Output x = embeddings(weights, config, config.decoder, *inputs.target);
  const Output mask = decoder_mask(*inputs.target, inputs.target_mask);
  ACCEL_ASSIGN(const Output y,
               seq2seq_decoder(context, config.decoder, x, mask, memory, "decoder_hidden_states"));
  ACCEL_ASSIGN(std::vector<NamedOutput> outputs, head(context, config, inputs.source, y));
  if (inputs.source && generates) outputs.push_back({"encoder_last_hidden_state", memory.states});
  return outputs;
}

// --- descriptors -------------------------------------------------------------------------------

constexpr std::array<Architecture, 4> kBartArchitectures{{
    {"BartModel", Head::kBase},
    {"BartForConditionalGeneration", Head::kTextToText},
    {"BartForSequenceClassification", Head::kSequenceClassification},
    {"BartForQuestionAnswering", Head::kQuestionAnswering},
}};
constexpr std::array<Architecture, 4> kMbartArchitectures{{
    {"MBartModel", Head::kBase},
    {"MBartForConditionalGeneration", Head::kTextToText},
    {"MBartForSequenceClassification", Head::kSequenceClassification},
    {"MBartForQuestionAnswering", Head::kQuestionAnswering},
}};

}  // namespace
}  // namespace bart

const Family kBart{
    .model_type = "bart",
    .title = "BART",
    .reference = "arXiv:1910.13461",
    .tokenizer = "BartTokenizer",
    .architectures = bart::kBartArchitectures,
    .inputs = kTextSeq2SeqInputs,
    .unused_weights = bart::kUnused,
    .facts = bart::facts,
    .build = bart::build,
};

const Family kMbart{
    .model_type = "mbart",
    .title = "mBART",
    .reference = "arXiv:2001.08210",
    .tokenizer = "MBartTokenizer",
    .architectures = bart::kMbartArchitectures,
    .inputs = kTextSeq2SeqInputs,
    .unused_weights = bart::kUnused,
    .facts = bart::facts,
    .build = bart::build,
};

}  // namespace accel::models
