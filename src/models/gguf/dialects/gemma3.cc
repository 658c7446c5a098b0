// The text decoder of Gemma 3: norms of heads instead of caps, and five layers of six slide, with
// rotary positions of their own.
#include <array>

#include "models/gguf/dialects/dialects.h"

namespace accel::models::gguf {
namespace gemma3 {
namespace {

constexpr std::array<TensorRule, 16> kTensors{{
    {"token_embd", "model.embed_tokens"},
    {"output_norm", "model.norm", Change::kPlusOne},
    {"output", "lm_head"},
    {"blk.#.attn_norm", "model.layers.#.input_layernorm", Change::kPlusOne},
    {"blk.#.attn_q", "model.layers.#.self_attn.q_proj"},
    {"blk.#.attn_k", "model.layers.#.self_attn.k_proj"},
    {"blk.#.attn_v", "model.layers.#.self_attn.v_proj"},
    {"blk.#.attn_q_norm", "model.layers.#.self_attn.q_norm", Change::kPlusOne},
    {"blk.#.attn_k_norm", "model.layers.#.self_attn.k_norm", Change::kPlusOne},
    {"blk.#.attn_output", "model.layers.#.self_attn.o_proj"},
    {"blk.#.post_attention_norm", "model.layers.#.post_attention_layernorm", Change::kPlusOne},
    {"blk.#.ffn_norm", "model.layers.#.pre_feedforward_layernorm", Change::kPlusOne},
    {"blk.#.ffn_gate", "model.layers.#.mlp.gate_proj"},
    {"blk.#.ffn_up", "model.layers.#.mlp.up_proj"},
    {"blk.#.ffn_down", "model.layers.#.mlp.down_proj"},
    {"blk.#.post_ffw_norm", "model.layers.#.post_feedforward_layernorm", Change::kPlusOne},
}};

void complete(const GgufSource& source, Json& config) {
  constexpr int64_t kLayersOf27B = 62;
  complete_decoder(source, config);
  complete_gemma_scale(source, kLayersOf27B, config);
  if (!config.contains("rope_theta")) config["rope_theta"] = 1000000;
  config["rope_local_base_freq"] = source.number("rope.freq_base_swa").value_or(10000);
  config["sliding_window"] = source.integer("attention.sliding_window").value_or(1024);
  if (const auto cap = source.number("final_logit_softcapping")) {
    config["final_logit_softcapping"] = *cap;
  }
  if (const auto slides = source.flags("attention.sliding_window_pattern")) {
    for (const bool one : *slides) {
      config["layer_types"].push_back(one ? "sliding_attention" : "full_attention");
    }
  } else {
    config["sliding_window_pattern"] =
        source.integer("attention.sliding_window_pattern").value_or(6);
  }
}

}  // namespace
}  // namespace gemma3

const Dialect kGemma3{
    .architecture = "gemma3",
    .model_type = "gemma3_text",
    .head = "Gemma3ForCausalLM",
    .fields = decoder_fields(),
    .tensors = gemma3::kTensors,
    .complete = gemma3::complete,
};

}  // namespace accel::models::gguf
