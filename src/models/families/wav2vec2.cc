// wav2vec 2.0 (Baevski et al., arXiv:2006.11477) and HuBERT (Hsu et al., arXiv:2106.07447): a stack
// of convolutions over the waveform, then an encoder whose positions come from a convolution, too.
#include <array>
#include <openvino/op/constant.hpp>
#include <openvino/op/convert.hpp>
#include <openvino/op/divide.hpp>
#include <openvino/op/gather.hpp>
#include <openvino/op/less.hpp>
#include <openvino/op/less_eq.hpp>
#include <openvino/op/mvn.hpp>
#include <openvino/op/reduce_sum.hpp>
#include <openvino/op/select.hpp>
#include <openvino/op/shape_of.hpp>
#include <openvino/op/sigmoid.hpp>
#include <openvino/op/split.hpp>
#include <openvino/op/squeeze.hpp>
#include <openvino/op/unsqueeze.hpp>

#include "base/try.h"
#include "models/blocks/blocks.h"
#include "models/blocks/convolution.h"
#include "models/blocks/convolution_1d.h"
#include "models/blocks/heads.h"
#include "models/config_reader.h"
#include "models/families/families.h"

namespace accel::models {
namespace wav2vec2 {
namespace {

// --- config ------------------------------------------------------------------------------------

// The convolutions over the waveform, as one: a frame every `hop` samples that sees `reach` of
// them.
struct Framing {
  int64_t hop = 1;
  int64_t reach = 1;
};

struct Adapter {
  int64_t layers = 0;  // 0: none
  int64_t kernel = 0;
  int64_t stride = 0;
  int64_t size = 0;
};

// The analyzer loses the fields on their way through Result.
struct SpeechConfig {  // NOLINT(clang-analyzer-core.uninitialized.Assign)
  int64_t hidden = 0;
  int64_t layers = 0;
  int64_t heads = 1;
  int64_t intermediate = 0;
  int64_t vocabulary = 0;
  double epsilon = 0;
  std::string activation;
  std::string feature_activation;  // of all convolutions
  std::vector<int64_t> sizes;      // channels after each convolution over the waveform
  std::vector<int64_t> kernels;
  std::vector<int64_t> strides;
  Framing framing;
  bool feature_bias = false;
  bool norm_by_layer = false;  // else the first layer alone, over time
  bool project_norm = true;    // the features are normalised before their projection
  int64_t position_kernel = 0;
  int64_t position_groups = 1;
  bool position_batch_norm = false;  // else the kernel is weight-normed
  bool stable = false;               // layer norms before attention and feed-forward
  int64_t attention_adapter = 0;     // width of the adapter in each layer; 0: none
  Adapter adapter;
  bool weighted_layers = false;  // classifiers look at all layers
  int64_t projector = 0;         // width of the sequence classifier's projection
};

Framing read_framing(ConfigReader& in, const SpeechConfig& config) {
  constexpr int64_t kLongest = int64_t{1} << 31;  // keeps the products exact
  Framing framing;
  const size_t count = config.sizes.size();
  if (config.kernels.size() != count || config.strides.size() != count) {
    in.problem("conv_dim, conv_kernel and conv_stride: expected lists of one length");
    return framing;
  }
  for (size_t i = 0; i < count; ++i) {
    framing.reach += (config.kernels[i] - 1) * framing.hop;
    framing.hop *= config.strides[i];
    if (framing.reach > kLongest || framing.hop > kLongest) {
      in.problem("conv_kernel and conv_stride: expected frames of at most 2^31 samples");
      return {};
    }
  }
  return framing;
}

void read_positions(ConfigReader& in, SpeechConfig& config) {
  config.position_kernel = in.size_or("num_conv_pos_embeddings", 128);
  config.position_groups = in.size_or("num_conv_pos_embedding_groups", 16);
  if (config.hidden % config.position_groups != 0) {
    in.problem("hidden_size: expected a multiple of num_conv_pos_embedding_groups");
  }
}

// What both families' config.json has.
SpeechConfig read_common(ConfigReader& in) {
  SpeechConfig config{
      .hidden = in.size_or("hidden_size", 768),
      .layers = in.layers_or("num_hidden_layers", 12),
      .heads = in.size_or("num_attention_heads", 12),
      .intermediate = in.size_or("intermediate_size", 3072),
      .vocabulary = in.size_or("vocab_size", 32),
      .epsilon = in.number_or("layer_norm_eps", 1e-5),
      .activation = in.text_or("hidden_act", "gelu"),
      .feature_activation = in.text_or("feat_extract_activation", "gelu"),
      .sizes = in.sizes_or("conv_dim", {512, 512, 512, 512, 512, 512, 512}),
      .kernels = in.sizes_or("conv_kernel", {10, 3, 3, 3, 3, 2, 2}),
      .strides = in.sizes_or("conv_stride", {5, 2, 2, 2, 2, 2, 2}),
      .feature_bias = in.flag_or("conv_bias", false),
      .stable = in.flag_or("do_stable_layer_norm", false),
      .attention_adapter = in.count_or("adapter_attn_dim", 0),
      .weighted_layers = in.flag_or("use_weighted_layer_sum", false),
      .projector = in.size_or("classifier_proj_size", 256),
  };
  config.framing = read_framing(in, config);
  const std::string norm = in.text_or("feat_extract_norm", "group");
  config.norm_by_layer = norm == "layer";
  if (norm != "group" && norm != "layer") {
    in.problem("feat_extract_norm: expected group or layer, found " + norm);
  }
  read_positions(in, config);
  if (config.hidden % config.heads != 0) {
    in.problem("hidden_size: expected a multiple of num_attention_heads");
  }
  return config;
}

Result<SpeechConfig> read_wav2vec2(const Json& json) {
  ConfigReader in(json);
  SpeechConfig config = read_common(in);
  if (in.flag_or("add_adapter", false)) {
    config.adapter = {.layers = in.layers_or("num_adapter_layers", 3),
                      .kernel = in.size_or("adapter_kernel_size", 3),
                      .stride = in.size_or("adapter_stride", 2),
                      .size = in.size_or("output_hidden_size", config.hidden)};
  }
  ACCEL_TRY(in.status());
  return config;
}

Result<SpeechConfig> read_hubert(const Json& json) {
  ConfigReader in(json);
  SpeechConfig config = read_common(in);
  config.project_norm = in.flag_or("feat_proj_layer_norm", true);
  config.position_batch_norm = in.flag_or("conv_pos_batch_norm", false);
  in.expect("add_adapter", false, "HuBERT has no adapter behind its encoder");
  ACCEL_TRY(in.status());
  return config;
}

Result<Facts> facts_of(const SpeechConfig& config, const Json& json) {
  ACCEL_ASSIGN(const int64_t labels, label_count(json));
  return Facts{.hidden_size = config.adapter.layers > 0 ? config.adapter.size : config.hidden,
               .layers = config.layers,
               .vocabulary = config.vocabulary,
               .labels = labels};
}

Result<Facts> wav2vec2_facts(const Json& json) {
  ACCEL_ASSIGN(const SpeechConfig config, read_wav2vec2(json));
  return facts_of(config, json);
}

Result<Facts> hubert_facts(const Json& json) {
  ACCEL_ASSIGN(const SpeechConfig config, read_hubert(json));
  return facts_of(config, json);
}

// --- weight names ------------------------------------------------------------------------------

constexpr std::array<std::string_view, 3> kPrefixes{"", "wav2vec2.", "hubert."};

// Of pretraining, the vector that stands for what is masked and the quantiser.
constexpr std::array<std::string_view, 12> kUnused{
    "masked_spec_embed",
    "quantizer.",
    "project_hid.",
    "project_q.",
    "lm_head.",
    "projector.",
    "classifier.",
    "layer_weights",
    "tdnn.",
    "objective.",
    "feature_extractor.weight",  // of speaker verification's head, not "...conv_layers"
    "feature_extractor.bias",
};

// --- build: features ---------------------------------------------------------------------------

constexpr double kFixedEpsilon = 1e-5;  // of norms that layer_norm_eps does not reach

// Each channel normalised over time, with "NAME.weight" and "NAME.bias": [B, C, T].
Output norm_over_time(Weights& weights, const std::string& name, const Output& x, int64_t size) {
  const Output normal = std::make_shared<ov::op::v6::MVN>(
      x, integers({2}), true, static_cast<float>(kFixedEpsilon), ov::op::MVNEpsMode::INSIDE_SQRT);
  const auto column = [&](const char* part) -> Output {
    return std::make_shared<ov::op::v0::Unsqueeze>(weights.get(name + part, {size}), integers({1}));
  };
  return add(multiply(normal, column(".weight")), column(".bias"));
}

// The waveform [B, T] as frames [B, F, C].
Result<Output> features(Weights& weights, const SpeechConfig& config, const Output& wave) {
  Output x = std::make_shared<ov::op::v0::Unsqueeze>(wave, integers({1}));
  int64_t in = 1;
  for (size_t i = 0; i < config.sizes.size(); ++i) {
    const std::string layer = "feature_extractor.conv_layers." + std::to_string(i) + ".";
    const int64_t out = config.sizes[i];
    x = convolution_1d(weights, layer + "conv", x,
                       {.in = in,
                        .out = out,
                        .kernel = config.kernels[i],
                        .stride = config.strides[i],
                        .bias = config.feature_bias});
    if (config.norm_by_layer) {
      x = swap_time_and_channels(
          layer_norm(weights, layer + "layer_norm", swap_time_and_channels(x), out, kFixedEpsilon));
    } else if (i == 0) {
      x = norm_over_time(weights, layer + "layer_norm", x, out);
    }
    ACCEL_ASSIGN(x, activation(config.feature_activation, x));
    in = out;
  }
  return swap_time_and_channels(x);
}

// [B, F, C] -> [B, F, H].
Output project_features(Weights& weights, const SpeechConfig& config, Output x) {
  return linear(weights, "feature_projection.projection", x, config.sizes.back(), config.hidden);
}

// Which frames of `frames` [B, F, C] lie inside the `samples` [B, T] marked with 1, as f32 [B, F]:
// all of a frame's samples must be among the first N, N being their number. The reference library
// counts from the end for a row too short for one frame; so it is here, and no row is empty.
Output frame_mask(const Framing& framing, const Output& samples, const Output& frames) {
  const auto number = [](int64_t value) -> Output {
    return ov::op::v0::Constant::create(ov::element::i64, ov::Shape{}, {value});
  };
  const Output count = std::make_shared<ov::op::v1::ReduceSum>(samples, integers({1}), true);
  const Output shape = std::make_shared<ov::op::v3::ShapeOf>(frames, ov::element::i64);
  const Output all = std::make_shared<ov::op::v8::Gather>(shape, number(1), number(0));
  const Output none = std::make_shared<ov::op::v1::Less>(count, number(framing.reach));
  const Output lead =
      std::make_shared<ov::op::v1::Select>(none, multiply(all, number(framing.hop)), number(0));
  const Output end = add(multiply(positions_of(frames), number(framing.hop)),
                         number(framing.reach));  // [F]
  const Output inside = std::make_shared<ov::op::v1::LessEqual>(end, add(count, lead));
  return std::make_shared<ov::op::v0::Convert>(inside, ov::element::f32);
}

Output where_real(const Output& x, const Output& mask) {
  return multiply(x, std::make_shared<ov::op::v0::Unsqueeze>(mask, integers({2})));
}

// --- build: encoder ----------------------------------------------------------------------------

// [B, H, F] -> [B, H, F].
Output batch_norm_over_frames(Weights& weights, const std::string& name, const Output& x,
                              int64_t size) {
  const Output image = std::make_shared<ov::op::v0::Unsqueeze>(x, integers({3}));
  const Output normal = batch_norm(weights, name, image, size, kFixedEpsilon);
  return std::make_shared<ov::op::v0::Squeeze>(normal, integers({3}));
}

// What a frame's neighbours say of its position: [B, F, H] -> [B, F, H].
Result<Output> convolved_positions(Weights& weights, const SpeechConfig& config, Output x) {
  const std::string name = "encoder.pos_conv_embed.conv";
  const int64_t kernel = config.position_kernel;
  const Convolution1d shape{.in = config.hidden,
                            .out = config.hidden,
                            .kernel = kernel,
                            .padding = kernel / 2,
                            .padding_behind = (kernel - 1) / 2,
                            .groups = config.position_groups};
  x = swap_time_and_channels(x);
  if (config.position_batch_norm) {
    x = batch_norm_over_frames(weights, "encoder.pos_conv_embed.batch_norm", x, config.hidden);
    x = convolution_1d(weights, name, x, shape);
  } else {
    const Output bias = weights.get(name + ".bias", {config.hidden});
    x = convolution_1d(x, weight_normed_kernel(weights, name, shape), bias, shape);
  }
  return activation(config.feature_activation, swap_time_and_channels(x));
}

Output self_attention(Weights& weights, const SpeechConfig& config, const std::string& name,
                      const Output& x, const std::optional<Output>& mask) {
  const int64_t hidden = config.hidden;
  const auto project = [&](const char* part) {
    return split_heads(linear(weights, name + part, x, hidden, hidden), config.heads,
                       hidden / config.heads);
  };
  const Output mixed = attention(project("q_proj"), project("k_proj"), project("v_proj"), mask);
  return linear(weights, name + "out_proj", merge_heads(mixed, hidden), hidden, hidden);
}

Result<Output> feed_forward(Weights& weights, const SpeechConfig& config, const std::string& name,
                            const Output& x) {
  const Output wide =
      linear(weights, name + "intermediate_dense", x, config.hidden, config.intermediate);
  ACCEL_ASSIGN(const Output active, activation(config.activation, wide));
  return linear(weights, name + "output_dense", active, config.intermediate, config.hidden);
}

// The residual adapter of the multilingual models (Pratap et al., arXiv:2305.13516).
Output attention_adapter(Weights& weights, const SpeechConfig& config, const std::string& name,
                         const Output& x) {
  const int64_t narrow = config.attention_adapter;
  const Output normal = layer_norm(weights, name + "norm", x, config.hidden, kFixedEpsilon);
  const Output down = linear(weights, name + "linear_1", normal, config.hidden, narrow);
  const Output active = *activation("relu", down);
  return add(x, linear(weights, name + "linear_2", active, narrow, config.hidden));
}

// One layer, its norms before or behind attention and feed-forward.
Result<Output> encoder_layer(Weights& weights, const SpeechConfig& config, const std::string& layer,
                             Output x, const std::optional<Output>& mask) {
  const auto norm = [&](const char* name, const Output& value) {
    return layer_norm(weights, layer + name, value, config.hidden, config.epsilon);
  };
  if (config.stable) {
    const Output normal = norm("layer_norm", x);
    x = add(x, self_attention(weights, config, layer + "attention.", normal, mask));
    ACCEL_ASSIGN(const Output fed, feed_forward(weights, config, layer + "feed_forward.",
                                                norm("final_layer_norm", x)));
    x = add(x, fed);
    if (config.attention_adapter == 0) return x;
    return attention_adapter(weights, config, layer + "adapter_layer.", x);
  }
  x = norm("layer_norm", add(x, self_attention(weights, config, layer + "attention.", x, mask)));
  ACCEL_ASSIGN(const Output fed, feed_forward(weights, config, layer + "feed_forward.", x));
  return norm("final_layer_norm", add(x, fed));
}

// [B, F, H] -> [B, F, H]. The last of the states is normalised where the norms stand before.
Result<Output> encoder(BuildContext& context, const SpeechConfig& config, Output x,
                       const std::optional<Output>& mask) {
  Weights& weights = context.weights;
  ACCEL_ASSIGN(const Output positions, convolved_positions(weights, config, x));
  x = add(x, positions);
  const auto norm = [&] {
    return layer_norm(weights, "encoder.layer_norm", x, config.hidden, config.epsilon);
  };
  if (!config.stable) x = norm();
  const auto additive = additive_mask(mask);
  for (int64_t i = 0; i < config.layers; ++i) {
    context.keep_state(x);
    const std::string layer = "encoder.layers." + std::to_string(i) + ".";
    ACCEL_ASSIGN(x, encoder_layer(weights, config, layer, x, additive));
  }
  if (config.stable) x = norm();
  context.keep_state(x);
  return x;
}

// Convolutions that halve the number of frames, each gated: [B, F, H] -> [B, F', size].
Output adapted(Weights& weights, const SpeechConfig& config, Output x) {
  const Adapter& adapter = config.adapter;
  if (adapter.size != config.hidden) {
    x = linear(weights, "adapter.proj", x, config.hidden, adapter.size);
    x = layer_norm(weights, "adapter.proj_layer_norm", x, adapter.size, kFixedEpsilon);
  }
  x = swap_time_and_channels(x);
  const auto channels = ov::op::v0::Constant::create(ov::element::i64, ov::Shape{}, {1});
  for (int64_t i = 0; i < adapter.layers; ++i) {
    const std::string name = "adapter.layers." + std::to_string(i) + ".conv";
    x = convolution_1d(weights, name, x,
                       {.in = adapter.size,
                        .out = 2 * adapter.size,
                        .kernel = adapter.kernel,
                        .stride = adapter.stride,
                        .padding = 1,
                        .padding_behind = 1});
    const auto halves = std::make_shared<ov::op::v1::Split>(x, channels, 2);
    x = multiply(halves->output(0), std::make_shared<ov::op::v0::Sigmoid>(halves->output(1)));
  }
  return swap_time_and_channels(x);
}

// --- build: heads ------------------------------------------------------------------------------

// What a classifier looks at: the encoder's output, or a learned mean of all layers' states.
Output layers_for_classifier(BuildContext& context, const SpeechConfig& config, const Output& x) {
  return config.weighted_layers ? weighted_states(context.weights, "layer_weights", context.states)
                                : x;
}

// The mean over real frames: [B, F, P] -> [B, P].
Output mean_of_frames(const Output& x, const std::optional<Output>& mask) {
  if (!mask) return mean_token(x);
  const Output sum =
      std::make_shared<ov::op::v1::ReduceSum>(where_real(x, *mask), integers({1}), false);
  const Output count = std::make_shared<ov::op::v1::ReduceSum>(*mask, integers({1}), true);
  return std::make_shared<ov::op::v1::Divide>(sum, count);
}

Result<std::vector<NamedOutput>> head(BuildContext& context, const SpeechConfig& config, Output x,
                                      const std::optional<Output>& mask) {
  Weights& weights = context.weights;
  const int64_t hidden = config.hidden;
  if (config.adapter.layers > 0) {
    if (context.head == Head::kAudioClassification || context.head == Head::kTokenClassification) {
      return invalid_argument("add_adapter: expected false, because classifiers have no adapter");
    }
    x = adapted(weights, config, x);
  }
  switch (context.head) {
    case Head::kSpeechRecognition: {
      const int64_t size = config.adapter.layers > 0 ? config.adapter.size : hidden;
      return std::vector<NamedOutput>{
          {"logits", linear(weights, "lm_head", x, size, config.vocabulary)}};
    }
    case Head::kAudioClassification: {
      ACCEL_ASSIGN(const int64_t labels, label_count(context));
      x = layers_for_classifier(context, config, x);
      x = linear(weights, "projector", x, hidden, config.projector);
      return std::vector<NamedOutput>{
          {"logits",
           linear(weights, "classifier", mean_of_frames(x, mask), config.projector, labels)}};
    }
    case Head::kTokenClassification: {
      ACCEL_ASSIGN(const int64_t labels, label_count(context));
      x = layers_for_classifier(context, config, x);
      return std::vector<NamedOutput>{{"logits", linear(weights, "classifier", x, hidden, labels)}};
    }
    default: return std::vector<NamedOutput>{{"last_hidden_state", x}};
  }
}

Result<std::vector<NamedOutput>> build(BuildContext& context, const SpeechConfig& config,
                                       bool returns_features) {
  Weights& weights = context.weights;
  weights.choose_prefix(kPrefixes, "feature_projection.projection.weight");
  const Output wave = *context.inputs.take("input_values");
  ACCEL_ASSIGN(Output frames, features(weights, config, wave));
  std::optional<Output> mask;
  if (const auto samples = context.inputs.take("attention_mask")) {
    mask = frame_mask(config.framing, *samples, frames);
  }
  if (config.project_norm) {
    frames = layer_norm(weights, "feature_projection.layer_norm", frames, config.sizes.back(),
                        config.epsilon);
  }
  Output x = project_features(weights, config, frames);
  if (mask) x = where_real(x, *mask);
  ACCEL_ASSIGN(x, encoder(context, config, x, mask));
  ACCEL_ASSIGN(std::vector<NamedOutput> outputs, head(context, config, x, mask));
  if (returns_features && context.head == Head::kBase) {
    outputs.push_back({"extract_features", frames});
  }
  return outputs;
}

Result<std::vector<NamedOutput>> build_wav2vec2(BuildContext& context) {
  ACCEL_ASSIGN(const SpeechConfig config, read_wav2vec2(context.config));
  return build(context, config, true);
}

Result<std::vector<NamedOutput>> build_hubert(BuildContext& context) {
  ACCEL_ASSIGN(const SpeechConfig config, read_hubert(context.config));
  return build(context, config, false);
}

// --- descriptors -------------------------------------------------------------------------------

constexpr std::array<Architecture, 4> kWav2Vec2Architectures{{
    {"Wav2Vec2Model", Head::kBase},
    {"Wav2Vec2ForCTC", Head::kSpeechRecognition},
    {"Wav2Vec2ForSequenceClassification", Head::kAudioClassification},
    {"Wav2Vec2ForAudioFrameClassification", Head::kTokenClassification},
}};
constexpr std::array<Architecture, 3> kHubertArchitectures{{
    {"HubertModel", Head::kBase},
    {"HubertForCTC", Head::kSpeechRecognition},
    {"HubertForSequenceClassification", Head::kAudioClassification},
}};

const std::array<InputSpec, 2> kInputs{{
    {"input_values", DType::kF32, {-1, -1}, Needed::kAlways},
    {"attention_mask", DType::kI64, {-1, -1}, Needed::kOnRequest, "input_values"},
}};

}  // namespace
}  // namespace wav2vec2

const Family kWav2Vec2{
    .model_type = "wav2vec2",
    .title = "wav2vec 2.0",
    .reference = "arXiv:2006.11477",
    .tokenizer = "Wav2Vec2CTCTokenizer",
    .architectures = wav2vec2::kWav2Vec2Architectures,
    .inputs = wav2vec2::kInputs,
    .unused_weights = wav2vec2::kUnused,
    .facts = wav2vec2::wav2vec2_facts,
    .build = wav2vec2::build_wav2vec2,
};

const Family kHubert{
    .model_type = "hubert",
    .title = "HuBERT",
    .reference = "arXiv:2106.07447",
    .tokenizer = "Wav2Vec2CTCTokenizer",
    .architectures = wav2vec2::kHubertArchitectures,
    .inputs = wav2vec2::kInputs,
    .unused_weights = wav2vec2::kUnused,
    .facts = wav2vec2::hubert_facts,
    .build = wav2vec2::build_hubert,
};

}  // namespace accel::models
