// Gemma 2: norms around each block, capped scores, and every other layer slides.
#include <array>

#include "models/gguf/dialects/dialects.h"

namespace accel::models::gguf {
namespace gemma2 {
namespace {

constexpr std::array<TensorRule, 13> kTensors{{
    {"token_embd", "model.embed_tokens"},
    {"output_norm", "model.norm", Change::kPlusOne},
    {"blk.#.attn_norm", "model.layers.#.input_layernorm", Change::kPlusOne},
    {"blk.#.attn_q", "model.layers.#.self_attn.q_proj"},
    {"blk.#.attn_k", "model.layers.#.self_attn.k_proj"},
    {"blk.#.attn_v", "model.layers.#.self_attn.v_proj"},
    {"blk.#.attn_output", "model.layers.#.self_attn.o_proj"},
    {"blk.#.post_attention_norm", "model.layers.#.post_attention_layernorm", Change::kPlusOne},
    {"blk.#.ffn_norm", "model.layers.#.pre_feedforward_layernorm", Change::kPlusOne},
    {"blk.#.ffn_gate", "model.layers.#.mlp.gate_proj"},
    {"blk.#.ffn_up", "model.layers.#.mlp.up_proj"},
    {"blk.#.ffn_down", "model.layers.#.mlp.down_proj"},
    {"blk.#.post_ffw_norm", "model.layers.#.post_feedforward_layernorm", Change::kPlusOne},
}};

void complete(const GgufSource& source, Json& config) {
  constexpr int64_t kLayersOf27B = 46;
  complete_decoder(source, config);
  complete_gemma_scale(source, kLayersOf27B, config);
  config["attn_logit_softcapping"] = source.number("attn_logit_softcapping").value_or(50);
  config["final_logit_softcapping"] = source.number("final_logit_softcapping").value_or(30);
  config["sliding_window"] = source.integer("attention.sliding_window").value_or(4096);
}

}  // namespace
}  // namespace gemma2

const Dialect kGemma2{
    .architecture = "gemma2",
    .model_type = "gemma2",
    .head = "Gemma2ForCausalLM",
    .fields = decoder_fields(),
    .tensors = gemma2::kTensors,
    .complete = gemma2::complete,
};

}  // namespace accel::models::gguf
