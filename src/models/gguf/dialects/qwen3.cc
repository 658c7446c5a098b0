// Qwen3, with norms of each head's queries and keys.
#include <array>

#include "models/gguf/dialects/dialects.h"

namespace accel::models::gguf {
namespace qwen3 {
namespace {

constexpr std::array<TensorRule, 14> kTensors{{
    {"token_embd", "model.embed_tokens"},
    {"output_norm", "model.norm"},
    {"output", "lm_head"},
    {"blk.#.attn_norm", "model.layers.#.input_layernorm"},
    {"blk.#.attn_q", "model.layers.#.self_attn.q_proj"},
    {"blk.#.attn_k", "model.layers.#.self_attn.k_proj"},
    {"blk.#.attn_v", "model.layers.#.self_attn.v_proj"},
    {"blk.#.attn_q_norm", "model.layers.#.self_attn.q_norm"},
    {"blk.#.attn_k_norm", "model.layers.#.self_attn.k_norm"},
    {"blk.#.attn_output", "model.layers.#.self_attn.o_proj"},
    {"blk.#.ffn_norm", "model.layers.#.post_attention_layernorm"},
    {"blk.#.ffn_gate", "model.layers.#.mlp.gate_proj"},
    {"blk.#.ffn_up", "model.layers.#.mlp.up_proj"},
    {"blk.#.ffn_down", "model.layers.#.mlp.down_proj"},
}};

}  // namespace
}  // namespace qwen3

const Dialect kQwen3{
    .architecture = "qwen3",
    .model_type = "qwen3",
    .head = "Qwen3ForCausalLM",
    .fields = decoder_fields(),
    .tensors = qwen3::kTensors,
    .complete = complete_decoder,
};

}  // namespace accel::models::gguf
