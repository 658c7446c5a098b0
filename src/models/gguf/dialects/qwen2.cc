// Qwen2.
#include <array>

#include "models/gguf/dialects/dialects.h"

namespace accel::models::gguf {
namespace qwen2 {
namespace {

constexpr std::array<TensorRule, 12> kTensors{{
    {"token_embd", "model.embed_tokens"},
    {"output_norm", "model.norm"},
    {"output", "lm_head"},
    {"blk.#.attn_norm", "model.layers.#.input_layernorm"},
    {"blk.#.attn_q", "model.layers.#.self_attn.q_proj"},
    {"blk.#.attn_k", "model.layers.#.self_attn.k_proj"},
    {"blk.#.attn_v", "model.layers.#.self_attn.v_proj"},
    {"blk.#.attn_output", "model.layers.#.self_attn.o_proj"},
    {"blk.#.ffn_norm", "model.layers.#.post_attention_layernorm"},
    {"blk.#.ffn_gate", "model.layers.#.mlp.gate_proj"},
    {"blk.#.ffn_up", "model.layers.#.mlp.up_proj"},
    {"blk.#.ffn_down", "model.layers.#.mlp.down_proj"},
}};

}  // namespace
}  // namespace qwen2

const Dialect kQwen2{
    .architecture = "qwen2",
    .model_type = "qwen2",
    .head = "Qwen2ForCausalLM",
    .fields = decoder_fields(),
    .tensors = qwen2::kTensors,
    .complete = complete_decoder,
};

}  // namespace accel::models::gguf
