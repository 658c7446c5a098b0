// AST (Gong et al., arXiv:2104.01778): DeiT over a spectrogram cut into overlapping patches.
#include <array>
#include <openvino/op/transpose.hpp>
#include <openvino/op/unsqueeze.hpp>

#include "base/try.h"
#include "models/blocks/blocks.h"
#include "models/blocks/convolution.h"
#include "models/blocks/heads.h"
#include "models/blocks/patch_embedding.h"
#include "models/blocks/pre_norm_encoder.h"
#include "models/config_reader.h"
#include "models/families/families.h"

namespace accel::models {
namespace audio_spectrogram_transformer {
namespace {

// --- config ------------------------------------------------------------------------------------

// The analyzer loses the fields on their way through Result.
struct AstConfig {  // NOLINT(clang-analyzer-core.uninitialized.Assign)
  PreNormEncoder encoder;
  int64_t frames = 0;  // of the spectrogram
  int64_t mels = 0;
  int64_t patch = 0;  // height and width
  int64_t frequency_stride = 1;
  int64_t time_stride = 1;
  int64_t patches = 0;
};

Result<AstConfig> read_config(const Json& json) {
  ConfigReader in(json);
  AstConfig config{
      .encoder = read_pre_norm_encoder(in),
      .frames = in.size_or("max_length", 1024),
      .mels = in.size_or("num_mel_bins", 128),
      .patch = in.size_or("patch_size", 16),
      .frequency_stride = in.size_or("frequency_stride", 10),
      .time_stride = in.size_or("time_stride", 10),
  };
  PreNormEncoder& encoder = config.encoder;
  const bool bias = in.flag_or("qkv_bias", true);
  encoder.query_bias = encoder.key_bias = encoder.value_bias = bias;
  if (config.patch > config.frames || config.patch > config.mels) {
    in.problem("patch_size: expected at most max_length and num_mel_bins");
  }
  config.patches = ((config.mels - config.patch) / config.frequency_stride + 1) *
                   ((config.frames - config.patch) / config.time_stride + 1);
  ACCEL_TRY(in.status());
  return config;
}

Result<Facts> facts(const Json& json) {
  ACCEL_ASSIGN(const AstConfig config, read_config(json));
  ACCEL_ASSIGN(const int64_t labels, label_count(json));
  return Facts{.hidden_size = config.encoder.hidden,
               .layers = config.encoder.layers,
               .labels = labels,
               .input_shapes = {{"input_values", {-1, config.frames, config.mels}}}};
}

// --- weight names ------------------------------------------------------------------------------

constexpr std::array<std::string_view, 2> kPrefixes{"", "audio_spectrogram_transformer."};

constexpr std::array<std::string_view, 1> kUnused{"classifier."};

// --- build -------------------------------------------------------------------------------------

// The spectrogram [B, frames, mels] as patches, those of one band of frequencies after the other,
// behind a class token and one that learned from a teacher: [B, patches + 2, H].
Output embeddings(BuildContext& context, const AstConfig& config) {
  Weights& weights = context.weights;
  const int64_t hidden = config.encoder.hidden;
  const Output spectrogram = *context.inputs.take("input_values");
  const auto bands = std::make_shared<ov::op::v1::Transpose>(spectrogram, integers({0, 2, 1}));
  const auto image = std::make_shared<ov::op::v0::Unsqueeze>(bands, integers({1}));
  const Output grid = convolution(weights, "embeddings.patch_embeddings.projection", image,
                                  {.in = 1, .out = hidden, .size = square(config.patch)},
                                  {.stride = {config.frequency_stride, config.time_stride}});
  const std::vector<Output> tokens{weights.get("embeddings.cls_token", {1, 1, hidden}),
                                   weights.get("embeddings.distillation_token", {1, 1, hidden})};
  return add(with_tokens(tokens, to_tokens(grid)),
             weights.get("embeddings.position_embeddings", {1, config.patches + 2, hidden}));
}

Result<std::vector<NamedOutput>> build(BuildContext& context) {
  ACCEL_ASSIGN(const AstConfig config, read_config(context.config));
  Weights& weights = context.weights;
  const PreNormEncoder& encoder = config.encoder;
  const int64_t hidden = encoder.hidden;
  weights.choose_prefix(kPrefixes, "embeddings.cls_token");
  ACCEL_ASSIGN(Output x, pre_norm_encoder(context, encoder, embeddings(context, config), {}));
  x = layer_norm(weights, "layernorm", x, hidden, encoder.epsilon);
  const Output pooled = multiply(add(first_token(x), token(x, 1)), scalar(0.5F));
  if (context.head != Head::kAudioClassification) {
    return std::vector<NamedOutput>{{"last_hidden_state", x}, {"pooler_output", pooled}};
  }
  ACCEL_ASSIGN(const int64_t labels, label_count(context));
  const Output normal =
      layer_norm(weights, "classifier.layernorm", pooled, hidden, encoder.epsilon);
  return std::vector<NamedOutput>{
      {"logits", linear(weights, "classifier.dense", normal, hidden, labels)}};
}

// --- descriptor --------------------------------------------------------------------------------

constexpr std::array<Architecture, 2> kArchitectures{{
    {"ASTModel", Head::kBase},
    {"ASTForAudioClassification", Head::kAudioClassification},
}};

const std::array<InputSpec, 1> kInputs{{
    {"input_values", DType::kF32, {-1, -1, -1}, Needed::kAlways},
}};

}  // namespace
}  // namespace audio_spectrogram_transformer

const Family kAudioSpectrogramTransformer{
    .model_type = "audio-spectrogram-transformer",
    .title = "AST",
    .reference = "arXiv:2104.01778",
    .architectures = audio_spectrogram_transformer::kArchitectures,
    .inputs = audio_spectrogram_transformer::kInputs,
    .unused_weights = audio_spectrogram_transformer::kUnused,
    .facts = audio_spectrogram_transformer::facts,
    .build = audio_spectrogram_transformer::build,
};

}  // namespace accel::models
