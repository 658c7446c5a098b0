// Phi-3 (Abdin et al., arXiv:2404.14219): Llama with packed matrices and LongRoPE.
#include <array>

#include "base/try.h"
#include "models/blocks/llama_decoder.h"
#include "models/config_reader.h"
#include "models/families/families.h"

namespace accel::models {
namespace phi3 {
namespace {

// --- config ------------------------------------------------------------------------------------

// With what old checkpoints left to the reader: the names that LongRoPE had before, and the context
// of training.
Json completed(Json json) {
  if (!json.is_object()) return json;
  if (!json.contains("original_max_position_embeddings")) {
    json["original_max_position_embeddings"] = 4096;
  }
  const auto scaling = json.find("rope_scaling");
  if (scaling != json.end() && scaling->is_object() && scaling->value("type", Json()) == "yarn") {
    (*scaling)["type"] = "longrope";
  }
  return json;
}

Result<LlamaDecoder> read_phi3(const Json& stored) {
  const Json json = completed(stored);
  ConfigReader in(json);
  LlamaDecoder config = read_llama_decoder(json, in,
                                           {.vocabulary = 32064,
                                            .hidden = 3072,
                                            .intermediate = 8192,
                                            .positions = 4096,
                                            .epsilon = 1e-5,
                                            .padding = 32000});
  config.packed = true;
  config.full.sight.window = json.contains("sliding_window") ? read_window(json, in, 4096) : 0;
  config.full.rotary = read_rotary(in, {.head_size = config.head_size,
                                        .positions = config.positions,
                                        .fraction = in.number_or("partial_rotary_factor", 1)});
  ACCEL_TRY(in.status());
  return config;
}

// --- descriptor --------------------------------------------------------------------------------

constexpr std::array<Architecture, 4> kArchitectures{{
    {"Phi3Model", Head::kBase},
    {"Phi3ForCausalLM", Head::kCausalLm},
    {"Phi3ForSequenceClassification", Head::kSequenceClassification},
    {"Phi3ForTokenClassification", Head::kTokenClassification},
}};

}  // namespace
}  // namespace phi3

const Family kPhi3{
    .model_type = "phi3",
    .title = "Phi-3",
    .reference = "arXiv:2404.14219",
    .tokenizer = "LlamaTokenizer",
    .architectures = phi3::kArchitectures,
    .inputs = kLlamaInputs,
    .unused_weights = kLlamaUnused,
    .facts = llama_facts<phi3::read_phi3>,
    .build = build_llama<phi3::read_phi3>,
};

}  // namespace accel::models
