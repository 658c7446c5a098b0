// Whisper (Radford et al., arXiv:2212.04356): log-mel features through two convolutions and an
// encoder, and a decoder that writes down what was said.
#include <array>
#include <cmath>
#include <openvino/op/matmul.hpp>

#include "base/try.h"
#include "models/blocks/blocks.h"
#include "models/blocks/convolution_1d.h"
#include "models/blocks/heads.h"
#include "models/blocks/seq2seq.h"
#include "models/config_reader.h"
#include "models/families/families.h"

namespace accel::models {
namespace whisper {
namespace {

// --- config ------------------------------------------------------------------------------------

// The analyzer loses the fields on their way through Result.
struct WhisperConfig {  // NOLINT(clang-analyzer-core.uninitialized.Assign)
  Seq2SeqStack encoder;
  Seq2SeqStack decoder;
  int64_t vocabulary = 0;
  int64_t mels = 0;
  int64_t frames = 0;            // that the encoder sees: half of those of input_features
  int64_t tokens = 0;            // the longest decoder_input_ids
  bool tied = true;              // the language model has the word embeddings
  bool weighted_layers = false;  // classifiers look at all layers
  int64_t projector = 0;         // width of the classifier's projection
};

constexpr int64_t kFramesPerState = 2;  // the second convolution's stride

Result<WhisperConfig> read_config(const Json& json) {
  ConfigReader in(json);
  Seq2SeqStack stack{.name = "encoder",
                     .hidden = 384,
                     .layers = 4,
                     .heads = 6,
                     .intermediate = 1536,
                     .activation = "gelu",
                     .pre_norm = true,
                     .key_bias = false};
  WhisperConfig config{.encoder = read_seq2seq_stack(in, stack)};
  stack.name = "decoder";
  config.decoder = read_seq2seq_stack(in, stack);
  config.vocabulary = in.size_or("vocab_size", 51865);
  config.mels = in.size_or("num_mel_bins", 80);
  config.frames = in.size_or("max_source_positions", 1500);
  config.tokens = in.size_or("max_target_positions", 448);
  config.tied = in.flag_or("tie_word_embeddings", true);
  config.weighted_layers = in.flag_or("use_weighted_layer_sum", false);
  config.projector = in.size_or("classifier_proj_size", 256);
  // The reference library computes a scale of the embeddings from scale_embedding and never
  // multiplies by it; nor does this family.
  in.flag_or("scale_embedding", false);
  in.expect("is_encoder_decoder", true, "a decoder on its own is not built");
  ACCEL_TRY(in.status());
  return config;
}

Result<Facts> facts(const Json& json) {
  ACCEL_ASSIGN(const WhisperConfig config, read_config(json));
  ACCEL_ASSIGN(const int64_t labels, label_count(json));
  const int64_t hidden = config.encoder.hidden;
  return Facts{
      .hidden_size = hidden,
      .layers = config.encoder.layers,
      .vocabulary = config.vocabulary,
      .max_positions = config.tokens,
      .labels = labels,
      .index_limits = {{"decoder_input_ids", config.vocabulary},
                       {"decoder_position_ids", config.tokens}},
      .length_limits = {{"decoder_input_ids", config.tokens}},
      .input_shapes = {{"input_features", {-1, config.mels, kFramesPerState * config.frames}},
                       {"encoder_hidden_states", {-1, -1, hidden}}}};
}

// --- weight names ------------------------------------------------------------------------------

constexpr std::array<std::string_view, 2> kPrefixes{"", "model."};

constexpr std::array<std::string_view, 4> kUnused{
    "proj_out.",
    "projector.",
    "classifier.",
    "layer_weights",
};

// --- build -------------------------------------------------------------------------------------

// Features [B, mels, frames] as states with their positions: [B, frames / 2, H].
Output heard(Weights& weights, const WhisperConfig& config, const Output& features) {
  const int64_t hidden = config.encoder.hidden;
  const Convolution1d first{
      .in = config.mels, .out = hidden, .kernel = 3, .padding = 1, .padding_behind = 1};
  const Convolution1d second{.in = hidden,
                             .out = hidden,
                             .kernel = 3,
                             .stride = kFramesPerState,
                             .padding = 1,
                             .padding_behind = 1};
  // Both with GELU, whatever activation the layers have.
  Output x = *activation("gelu", convolution_1d(weights, "encoder.conv1", features, first));
  x = *activation("gelu", convolution_1d(weights, "encoder.conv2", x, second));
  return add(swap_time_and_channels(x),
             weights.get("encoder.embed_positions.weight", {config.frames, hidden}));
}

// Word + position: [B, T] -> [B, T, H].
Output written(BuildContext& context, const WhisperConfig& config, const Output& ids) {
  Weights& weights = context.weights;
  const int64_t hidden = config.decoder.hidden;
  const Output words =
      embedding(weights, "decoder.embed_tokens.weight", ids, config.vocabulary, hidden);
  const auto given = context.inputs.take("decoder_position_ids");
  return add(words, embedding(weights, "decoder.embed_positions.weight",
                              given ? *given : positions_of(ids), config.tokens, hidden));
}

Output language_model(Weights& weights, const WhisperConfig& config, const Output& x) {
  const bool own = !config.tied && weights.has("proj_out.weight");
  const Output table = weights.get(own ? "proj_out.weight" : "decoder.embed_tokens.weight",
                                   {config.vocabulary, config.decoder.hidden});
  return std::make_shared<ov::op::v0::MatMul>(x, table, false, true);
}

// The mean state, of the last layer or of all, projected and then classified: logits [B, labels].
Result<std::vector<NamedOutput>> classify(BuildContext& context, const WhisperConfig& config) {
  Weights& weights = context.weights;
  const auto features = context.inputs.take("input_features");
  if (!features) {
    return invalid_argument("expected input_features, which are classified, found other inputs");
  }
  ACCEL_ASSIGN(const int64_t labels, label_count(context));
  ACCEL_ASSIGN(Output x, seq2seq_encoder(context, config.encoder, heard(weights, config, *features),
                                         {}, "hidden_states"));
  if (config.weighted_layers) x = weighted_states(weights, "layer_weights", context.states);
  x = mean_token(linear(weights, "projector", x, config.encoder.hidden, config.projector));
  return std::vector<NamedOutput>{
      {"logits", linear(weights, "classifier", x, config.projector, labels)}};
}

Result<std::vector<NamedOutput>> build(BuildContext& context) {
  ACCEL_ASSIGN(const WhisperConfig config, read_config(context.config));
  Weights& weights = context.weights;
  weights.choose_prefix(kPrefixes, "encoder.conv1.weight");
  if (context.head == Head::kAudioClassification) return classify(context, config);
  ACCEL_ASSIGN(const Seq2SeqInputs inputs, take_seq2seq_inputs(context.inputs, "input_features"));
  Memory memory;
  if (inputs.source) {
    const std::string_view states = inputs.target ? "encoder_hidden_states" : "hidden_states";
    const Output x = heard(weights, config, *inputs.source);
    ACCEL_ASSIGN(memory.states, seq2seq_encoder(context, config.encoder, x, {}, states));
  } else {
    weights.skip("encoder.");
    memory.states = *inputs.memory;
  }
  if (!inputs.target) {
    if (context.inputs.wants("decoder_position_ids")) {
      return invalid_argument(
          "decoder_position_ids: expected decoder_input_ids as well; give both or neither");
    }
    weights.skip("decoder.");
    return std::vector<NamedOutput>{{"last_hidden_state", memory.states}};
  }
  const Output y = written(context, config, *inputs.target);
  const Output mask = decoder_mask(*inputs.target, inputs.target_mask);
  ACCEL_ASSIGN(const Output x,
               seq2seq_decoder(context, config.decoder, y, mask, memory, "decoder_hidden_states"));
  std::vector<NamedOutput> outputs;
  if (context.head == Head::kSpeechRecognition) {
    outputs.push_back({"logits", language_model(weights, config, x)});
  } else {
    outputs.push_back({"last_hidden_state", x});
  }
  if (inputs.source) outputs.push_back({"encoder_last_hidden_state", memory.states});
  return outputs;
}

// --- descriptor --------------------------------------------------------------------------------

constexpr std::array<Architecture, 3> kArchitectures{{
    {"WhisperModel", Head::kBase},
    {"WhisperForConditionalGeneration", Head::kSpeechRecognition},
    {"WhisperForAudioClassification", Head::kAudioClassification},
}};

// Each part can be had alone, so that no input is always needed.
const std::array<InputSpec, 5> kInputs{{
    {"input_features", DType::kF32, {-1, -1, -1}, Needed::kUsually},
    {"decoder_input_ids", DType::kI64, {-1, -1}, Needed::kUsually},
    {"decoder_attention_mask", DType::kI64, {-1, -1}, Needed::kOnRequest, "decoder_input_ids"},
    {"decoder_position_ids", DType::kI64, {-1, -1}, Needed::kOnRequest, "decoder_input_ids"},
    {"encoder_hidden_states", DType::kF32, {-1, -1, -1}, Needed::kOnRequest},
}};

}  // namespace
}  // namespace whisper

const Family kWhisper{
    .model_type = "whisper",
    .title = "Whisper",
    .reference = "arXiv:2212.04356",
    .tokenizer = "WhisperTokenizer",
    .architectures = whisper::kArchitectures,
    .inputs = whisper::kInputs,
    .unused_weights = whisper::kUnused,
    .facts = whisper::facts,
    .build = whisper::build,
};

}  // namespace accel::models
