// Llama, and Mistral under the same name: queries and keys turned for rotary positions of
// neighbours, in place of halves.
#include <array>

#include "models/gguf/dialects/dialects.h"

namespace accel::models::gguf {
namespace llama {
namespace {

constexpr std::array<TensorRule, 13> kTensors{{
    {"token_embd", "model.embed_tokens"},
    {"output_norm", "model.norm"},
    {"output", "lm_head"},
    {"rope_freqs", ""},
    {"blk.#.attn_norm", "model.layers.#.input_layernorm"},
    {"blk.#.attn_q", "model.layers.#.self_attn.q_proj", Change::kTurnedQueries},
    {"blk.#.attn_k", "model.layers.#.self_attn.k_proj", Change::kTurnedKeys},
    {"blk.#.attn_v", "model.layers.#.self_attn.v_proj"},
    {"blk.#.attn_output", "model.layers.#.self_attn.o_proj"},
    {"blk.#.ffn_norm", "model.layers.#.post_attention_layernorm"},
    {"blk.#.ffn_gate", "model.layers.#.mlp.gate_proj"},
    {"blk.#.ffn_up", "model.layers.#.mlp.up_proj"},
    {"blk.#.ffn_down", "model.layers.#.mlp.down_proj"},
}};

void complete(const GgufSource& source, Json& config) {
  complete_decoder(source, config);
  config["mlp_bias"] = source.has("blk.0.ffn_up.bias");
  const auto window = source.integer("attention.sliding_window");
  if (!window || *window == 0) return;
  config["model_type"] = "mistral";
  config["architectures"] = {"MistralForCausalLM"};
  config["sliding_window"] = *window;
}

}  // namespace
}  // namespace llama

const Dialect kLlama{
    .architecture = "llama",
    .model_type = "llama",
    .head = "LlamaForCausalLM",
    .fields = decoder_fields(),
    .tensors = llama::kTensors,
    .complete = llama::complete,
};

}  // namespace accel::models::gguf
