// Qwen2 (Yang et al., arXiv:2407.10671), Llama with biases on queries, keys and values; and Qwen3
// (Yang et al., arXiv:2505.09388), with norms of each head's queries and keys.
#include <array>

#include "base/try.h"
#include "models/blocks/llama_decoder.h"
#include "models/config_reader.h"
#include "models/families/families.h"

namespace accel::models {
namespace qwen2 {
namespace {

// --- config ------------------------------------------------------------------------------------

// Which layers slide, from "max_window_layers" on unless "layer_types" says it, and how far.
void read_kinds(const Json& json, ConfigReader& in, LlamaDecoder& config) {
  const int64_t window = read_window(json, in, 4096);
  if (in.flag_or("use_sliding_window", false)) config.sliding.sight.window = window;
  const int64_t first = in.count_or("max_window_layers", 28);
  std::vector<bool> otherwise = config.slides;
  for (int64_t i = first; i < config.layers && config.sliding.sight.window > 0; ++i) {
    otherwise[static_cast<size_t>(i)] = true;
  }
  config.slides = read_layer_types(json, in, otherwise);
  if (config.sliding.sight.window == 0 && std::ranges::count(config.slides, true) > 0) {
    in.problem("layer_types: expected full_attention alone without use_sliding_window");
  }
  config.full.rotary =
      read_rotary(in, {.head_size = config.head_size, .positions = config.positions});
  config.sliding.rotary = config.full.rotary;
}

Result<LlamaDecoder> read_qwen2(const Json& json) {
  ConfigReader in(json);
  LlamaDecoder config = read_llama_decoder(
      json, in, {.vocabulary = 151936, .intermediate = 22016, .kv_heads = 32, .positions = 32768});
  config.query_bias = true;
  read_kinds(json, in, config);
  ACCEL_TRY(in.status());
  return config;
}

Result<LlamaDecoder> read_qwen3(const Json& json) {
  ConfigReader in(json);
  LlamaDecoder config = read_llama_decoder(json, in,
                                           {.vocabulary = 151936,
                                            .intermediate = 22016,
                                            .kv_heads = 32,
                                            .head_size = 128,
                                            .positions = 32768});
  config.query_bias = in.flag_or("attention_bias", false);
  config.output_bias = config.query_bias;
  config.head_norms = true;
  read_kinds(json, in, config);
  ACCEL_TRY(in.status());
  return config;
}

// --- descriptors -------------------------------------------------------------------------------

constexpr std::array<Architecture, 5> kQwen2Architectures{{
    {"Qwen2Model", Head::kBase},
    {"Qwen2ForCausalLM", Head::kCausalLm},
    {"Qwen2ForSequenceClassification", Head::kSequenceClassification},
    {"Qwen2ForTokenClassification", Head::kTokenClassification},
    {"Qwen2ForQuestionAnswering", Head::kQuestionAnswering},
}};
constexpr std::array<Architecture, 5> kQwen3Architectures{{
    {"Qwen3Model", Head::kBase},
    {"Qwen3ForCausalLM", Head::kCausalLm},
    {"Qwen3ForSequenceClassification", Head::kSequenceClassification},
    {"Qwen3ForTokenClassification", Head::kTokenClassification},
    {"Qwen3ForQuestionAnswering", Head::kQuestionAnswering},
}};

}  // namespace
}  // namespace qwen2

const Family kQwen2{
    .model_type = "qwen2",
    .title = "Qwen2",
    .reference = "arXiv:2407.10671",
    .tokenizer = "Qwen2Tokenizer",
    .architectures = qwen2::kQwen2Architectures,
    .inputs = kLlamaInputs,
    .unused_weights = kLlamaUnused,
    .facts = llama_facts<qwen2::read_qwen2>,
    .build = build_llama<qwen2::read_qwen2>,
};

const Family kQwen3{
    .model_type = "qwen3",
    .title = "Qwen3",
    .reference = "arXiv:2505.09388",
    .tokenizer = "Qwen2Tokenizer",
    .architectures = qwen2::kQwen3Architectures,
    .inputs = kLlamaInputs,
    .unused_weights = kLlamaUnused,
    .facts = llama_facts<qwen2::read_qwen3>,
    .build = build_llama<qwen2::read_qwen3>,
};

}  // namespace accel::models
