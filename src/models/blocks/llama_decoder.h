// The decoder that Llama introduced (Touvron et al., arXiv:2302.13971) and Mistral, Qwen, Gemma and
// Phi kept: RMS norms in front of attention with rotary positions and of a gated feed-forward
// block. What they changed are switches here. B: batch, L: tokens, H: hidden size, A: heads of
// queries, K: heads of keys and values, D: size of a head.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accel/status.h"
#include "base/try.h"
#include "models/blocks/decoder.h"
#include "models/blocks/rotary.h"
#include "models/config_reader.h"
#include "models/family.h"
#include "models/weights.h"

namespace accel::models {

// What some layers attend to and how they turn queries and keys.
struct LayerKind {
  Sight sight;
  Rotary rotary;
};

struct LlamaDecoder {
  int64_t vocabulary = 0;
  int64_t hidden = 0;
  int64_t layers = 0;
  int64_t heads = 1;     // A
  int64_t kv_heads = 1;  // K
  int64_t head_size = 0;
  int64_t intermediate = 0;
  int64_t positions = 0;  // of training
  double epsilon = 0;
  std::string activation;
  bool tied = false;  // the language model's head is the word embeddings
  std::optional<int64_t> padding;

  LayerKind full;
  LayerKind sliding;
  std::vector<bool> slides;  // of each layer whether it is of the sliding kind

  bool query_bias = false;   // of the projections to queries, keys and values
  bool output_bias = false;  // of the projection behind attention
  bool feed_forward_bias = false;
  bool packed = false;        // "qkv_proj" and "gate_up_proj" instead of five matrices
  bool head_norms = false;    // queries and keys are normalised head by head
  bool norms_behind = false;  // attention's and feed-forward's results are normalised as well
  float norm_offset = 0;      // added to the norms' weights
  double embedding_scale = 1;
  std::optional<double> scale;  // of scores; usually 1 / sqrt(D)
  double score_cap = 0;         // 0: none
  double logit_cap = 0;         // 0: none
};

// What config.json may leave out and families disagree on: Llama's values.
struct LlamaDefaults {
  int64_t vocabulary = 32000;
  int64_t hidden = 4096;
  int64_t intermediate = 11008;
  int64_t layers = 32;
  int64_t heads = 32;
  int64_t kv_heads = 0;   // 0: as many as heads
  int64_t head_size = 0;  // 0: hidden / heads
  int64_t positions = 2048;
  double epsilon = 1e-6;
  std::string_view activation_name = "hidden_act";
  std::string_view activation = "silu";
  bool tied = false;
  std::optional<int64_t> padding = std::nullopt;
};

// The fields that all of these families share, without layer kinds; problems go to `in`.
LlamaDecoder read_llama_decoder(const Json& json, ConfigReader& in,
                                const LlamaDefaults& defaults = {});

// Whether the field is there and null, which is not the same as absent where the default is not
// none.
bool is_null(const Json& json, std::string_view name);

// A window's size: `fallback` when absent, 0 when null: none.
int64_t read_window(const Json& json, ConfigReader& in, int64_t fallback);

// Which layers slide: as "layer_types" says, `otherwise` when absent or null.
std::vector<bool> read_layer_types(const Json& json, ConfigReader& in, std::vector<bool> otherwise);

// The number of `name`, `fallback` when absent, 0 when null: none.
double read_cap(const Json& json, ConfigReader& in, std::string_view name, double fallback);

Result<Facts> llama_facts(const LlamaDecoder& decoder, const Json& json);

// The outputs of context.head, from the input_ids on.
Result<std::vector<NamedOutput>> build_llama_decoder(BuildContext& context,
                                                     const LlamaDecoder& decoder);

// A family's facts and graph, by its reader of config.json.
using ReadLlama = Result<LlamaDecoder>(const Json&);

template <ReadLlama* kRead>
Result<Facts> llama_facts(const Json& json) {
  ACCEL_ASSIGN(const LlamaDecoder decoder, kRead(json));
  return llama_facts(decoder, json);
}

template <ReadLlama* kRead>
Result<std::vector<NamedOutput>> build_llama(BuildContext& context) {
  ACCEL_ASSIGN(const LlamaDecoder decoder, kRead(context.config));
  return build_llama_decoder(context, decoder);
}

// What these families' descriptors share.
inline const std::array<InputSpec, 3> kLlamaInputs{{
    {"input_ids", DType::kI64, {-1, -1}, Needed::kAlways},
    {"attention_mask", DType::kI64, {-1, -1}, Needed::kUsually, "input_ids"},
    {"position_ids", DType::kI64, {-1, -1}, Needed::kOnRequest, "input_ids"},
}};
inline constexpr std::array<std::string_view, 4> kLlamaUnused{
    "*rotary_emb.inv_freq",  // of old checkpoints
    "lm_head.",
    "score.",
    "qa_outputs.",
};

}  // namespace accel::models
