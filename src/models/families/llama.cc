// Llama (Touvron et al., arXiv:2302.13971; Grattafiori et al., arXiv:2407.21783) and Mistral, which
// looks back no further than a window (Jiang et al., arXiv:2310.06825).
#include <array>

#include "base/try.h"
#include "models/blocks/llama_decoder.h"
#include "models/config_reader.h"
#include "models/families/families.h"

namespace accel::models {
namespace llama {
namespace {

// --- config ------------------------------------------------------------------------------------

Result<LlamaDecoder> read_llama(const Json& json) {
  ConfigReader in(json);
  LlamaDecoder config = read_llama_decoder(json, in);
  config.query_bias = in.flag_or("attention_bias", false);
  config.output_bias = config.query_bias;
  config.feed_forward_bias = in.flag_or("mlp_bias", false);
  config.full.rotary =
      read_rotary(in, {.head_size = config.head_size, .positions = config.positions});
  ACCEL_TRY(in.status());
  return config;
}

Result<LlamaDecoder> read_mistral(const Json& json) {
  ConfigReader in(json);
  LlamaDecoder config =
      read_llama_decoder(json, in, {.intermediate = 14336, .kv_heads = 8, .positions = 131072});
  config.full.sight.window = read_window(json, in, 4096);
  config.full.rotary =
      read_rotary(in, {.head_size = config.head_size, .positions = config.positions});
  // The reference gives every layer the window, whatever this says.
  const std::vector<bool> all(config.slides.size(), config.full.sight.window > 0);
  if (read_layer_types(json, in, all) != all) {
    in.problem("layer_types: expected all of the kind that sliding_window makes them");
  }
  ACCEL_TRY(in.status());
  return config;
}

// --- descriptors -------------------------------------------------------------------------------

constexpr std::array<Architecture, 5> kLlamaArchitectures{{
    {"LlamaModel", Head::kBase},
    {"LlamaForCausalLM", Head::kCausalLm},
    {"LlamaForSequenceClassification", Head::kSequenceClassification},
    {"LlamaForTokenClassification", Head::kTokenClassification},
    {"LlamaForQuestionAnswering", Head::kQuestionAnswering},
}};
constexpr std::array<Architecture, 5> kMistralArchitectures{{
    {"MistralModel", Head::kBase},
    {"MistralForCausalLM", Head::kCausalLm},
    {"MistralForSequenceClassification", Head::kSequenceClassification},
    {"MistralForTokenClassification", Head::kTokenClassification},
    {"MistralForQuestionAnswering", Head::kQuestionAnswering},
}};

}  // namespace
}  // namespace llama

const Family kLlama{
    .model_type = "llama",
    .title = "Llama",
    .reference = "arXiv:2302.13971",
    .tokenizer = "LlamaTokenizer",
    .architectures = llama::kLlamaArchitectures,
    .inputs = kLlamaInputs,
    .unused_weights = kLlamaUnused,
    .facts = llama_facts<llama::read_llama>,
    .build = build_llama<llama::read_llama>,
};

const Family kMistral{
    .model_type = "mistral",
    .title = "Mistral",
    .reference = "arXiv:2310.06825",
    .tokenizer = "LlamaTokenizer",
    .architectures = llama::kMistralArchitectures,
    .inputs = kLlamaInputs,
    .unused_weights = kLlamaUnused,
    .facts = llama_facts<llama::read_mistral>,
    .build = build_llama<llama::read_mistral>,
};

}  // namespace accel::models
