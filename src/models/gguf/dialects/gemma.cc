// Gemma: 1 was added to the weights of norms.
#include <array>

#include "models/gguf/dialects/dialects.h"

namespace accel::models::gguf {
namespace gemma {
namespace {

constexpr std::array<TensorRule, 11> kTensors{{
    {"token_embd", "model.embed_tokens"},
    {"output_norm", "model.norm", Change::kPlusOne},
    {"blk.#.attn_norm", "model.layers.#.input_layernorm", Change::kPlusOne},
    {"blk.#.attn_q", "model.layers.#.self_attn.q_proj"},
    {"blk.#.attn_k", "model.layers.#.self_attn.k_proj"},
    {"blk.#.attn_v", "model.layers.#.self_attn.v_proj"},
    {"blk.#.attn_output", "model.layers.#.self_attn.o_proj"},
    {"blk.#.ffn_norm", "model.layers.#.post_attention_layernorm", Change::kPlusOne},
    {"blk.#.ffn_gate", "model.layers.#.mlp.gate_proj"},
    {"blk.#.ffn_up", "model.layers.#.mlp.up_proj"},
    {"blk.#.ffn_down", "model.layers.#.mlp.down_proj"},
}};

}  // namespace
}  // namespace gemma

const Dialect kGemma{
    .architecture = "gemma",
    .model_type = "gemma",
    .head = "GemmaForCausalLM",
    .fields = decoder_fields(),
    .tensors = gemma::kTensors,
    .complete = complete_decoder,
};

}  // namespace accel::models::gguf
