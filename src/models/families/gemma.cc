// Gemma (Gemma Team, arXiv:2403.08295), Llama with scaled embeddings; Gemma 2 (arXiv:2408.00118),
// with norms around each block, capped scores and every other layer sliding; and the text decoder
// of Gemma 3 (arXiv:2503.19786), with norms of heads instead of caps and rotary positions by kind.
#include <array>
#include <cmath>

#include "base/try.h"
#include "models/blocks/llama_decoder.h"
#include "models/config_reader.h"
#include "models/families/families.h"

namespace accel::models {
namespace gemma {
namespace {

// --- config ------------------------------------------------------------------------------------

// What all have.
LlamaDecoder read_gemma_decoder(const Json& json, ConfigReader& in, LlamaDefaults defaults) {
  defaults.head_size = 256;
  defaults.activation = "gelu_pytorch_tanh";
  defaults.tied = true;
  defaults.padding = 0;
  LlamaDecoder config = read_llama_decoder(json, in, defaults);
  config.query_bias = in.flag_or("attention_bias", false);
  config.output_bias = config.query_bias;
  config.norm_offset = 1;
  config.embedding_scale = std::sqrt(static_cast<double>(config.hidden));
  return config;
}

Result<LlamaDecoder> read_gemma(const Json& json) {
  ConfigReader in(json);
  LlamaDecoder config = read_gemma_decoder(json, in,
                                           {.vocabulary = 256000,
                                            .hidden = 3072,
                                            .intermediate = 24576,
                                            .layers = 28,
                                            .heads = 16,
                                            .kv_heads = 16,
                                            .positions = 8192});
  config.full.rotary =
      read_rotary(in, {.head_size = config.head_size, .positions = config.positions});
  in.expect("use_bidirectional_attention", false, "Gemma is built with causal attention alone");
  ACCEL_TRY(in.status());
  return config;
}

// What Gemma 2 and 3 have. Every `period`-th layer attends to everything, the others slide, unless
// "layer_types" says it.
LlamaDecoder read_sliding_gemma(const Json& json, ConfigReader& in, int64_t vocabulary,
                                int64_t positions, int64_t period) {
  LlamaDecoder config = read_gemma_decoder(json, in,
                                           {.vocabulary = vocabulary,
                                            .hidden = 2304,
                                            .intermediate = 9216,
                                            .layers = 26,
                                            .heads = 8,
                                            .kv_heads = 4,
                                            .positions = positions,
                                            .activation_name = "hidden_activation"});
  config.norms_behind = true;
  const double scalar = in.number_or("query_pre_attn_scalar", 256);
  if (scalar <= 0) in.problem("query_pre_attn_scalar: expected a number above 0");
  config.scale = 1.0 / std::sqrt(scalar);
  config.sliding.sight.window = in.size_or("sliding_window", 4096);
  std::vector<bool> otherwise;
  for (int64_t i = 0; i < config.layers; ++i) otherwise.push_back((i + 1) % period != 0);
  config.slides = read_layer_types(json, in, otherwise);
  return config;
}

Result<LlamaDecoder> read_gemma2(const Json& json) {
  ConfigReader in(json);
  LlamaDecoder config = read_sliding_gemma(json, in, 256000, 8192, 2);
  config.score_cap = read_cap(json, in, "attn_logit_softcapping", 50);
  config.logit_cap = read_cap(json, in, "final_logit_softcapping", 30);
  config.full.rotary =
      read_rotary(in, {.head_size = config.head_size, .positions = config.positions});
  config.sliding.rotary = config.full.rotary;
  in.expect("use_bidirectional_attention", false, "Gemma 2 is built with causal attention alone");
  ACCEL_TRY(in.status());
  return config;
}

Result<LlamaDecoder> read_gemma3(const Json& json) {
  ConfigReader in(json);
  const int64_t period = in.size_or("sliding_window_pattern", 6);
  LlamaDecoder config = read_sliding_gemma(json, in, 262208, 131072, period);
  config.head_norms = true;
  config.logit_cap = read_cap(json, in, "final_logit_softcapping", 0);
  in.expect("attn_logit_softcapping", Json(), "the reference does not apply it in Gemma 3");
  if (in.flag_or("use_bidirectional_attention", false)) {  // the window then is of both sides
    config.sliding.sight.window = config.sliding.sight.window / 2 + 1;
    config.full.sight.causal = false;
    config.sliding.sight.causal = false;
  }
  config.full.rotary = read_rotary(in, {.head_size = config.head_size,
                                        .positions = config.positions,
                                        .theta = 1000000,
                                        .layer_type = "full_attention"});
  config.sliding.rotary = read_rotary(in, {.head_size = config.head_size,
                                           .positions = config.positions,
                                           .layer_type = "sliding_attention",
                                           .theta_name = "rope_local_base_freq",
                                           .scaling = false});
  ACCEL_TRY(in.status());
  return config;
}

// --- descriptors -------------------------------------------------------------------------------

constexpr std::array<Architecture, 4> kGemmaArchitectures{{
    {"GemmaModel", Head::kBase},
    {"GemmaForCausalLM", Head::kCausalLm},
    {"GemmaForSequenceClassification", Head::kSequenceClassification},
    {"GemmaForTokenClassification", Head::kTokenClassification},
}};
constexpr std::array<Architecture, 4> kGemma2Architectures{{
    {"Gemma2Model", Head::kBase},
    {"Gemma2ForCausalLM", Head::kCausalLm},
    {"Gemma2ForSequenceClassification", Head::kSequenceClassification},
    {"Gemma2ForTokenClassification", Head::kTokenClassification},
}};
constexpr std::array<Architecture, 3> kGemma3Architectures{{
    {"Gemma3TextModel", Head::kBase},
    {"Gemma3ForCausalLM", Head::kCausalLm},
    {"Gemma3TextForSequenceClassification", Head::kSequenceClassification},
}};

}  // namespace
}  // namespace gemma

const Family kGemma{
    .model_type = "gemma",
    .title = "Gemma",
    .reference = "arXiv:2403.08295",
    .tokenizer = "GemmaTokenizer",
    .architectures = gemma::kGemmaArchitectures,
    .inputs = kLlamaInputs,
    .unused_weights = kLlamaUnused,
    .facts = llama_facts<gemma::read_gemma>,
    .build = build_llama<gemma::read_gemma>,
};

const Family kGemma2{
    .model_type = "gemma2",
    .title = "Gemma 2",
    .reference = "arXiv:2408.00118",
    .tokenizer = "GemmaTokenizer",
    .architectures = gemma::kGemma2Architectures,
    .inputs = kLlamaInputs,
    .unused_weights = kLlamaUnused,
    .facts = llama_facts<gemma::read_gemma2>,
    .build = build_llama<gemma::read_gemma2>,
};

const Family kGemma3Text{
    .model_type = "gemma3_text",
    .title = "Gemma 3",
    .reference = "arXiv:2503.19786",
    .tokenizer = "GemmaTokenizer",
    .architectures = gemma::kGemma3Architectures,
    .inputs = kLlamaInputs,
    .unused_weights = kLlamaUnused,
    .facts = llama_facts<gemma::read_gemma3>,
    .build = build_llama<gemma::read_gemma3>,
};

}  // namespace accel::models
