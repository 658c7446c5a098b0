// Phi-3: packed matrices, and LongRoPE's factors as tensors.
#include <array>

#include "models/gguf/dialects/dialects.h"

namespace accel::models::gguf {
namespace phi3 {
namespace {

constexpr std::array<TensorRule, 11> kTensors{{
    {"token_embd", "model.embed_tokens"},
    {"output_norm", "model.norm"},
    {"output", "lm_head"},
    {"rope_factors_long", ""},
    {"rope_factors_short", ""},
    {"blk.#.attn_norm", "model.layers.#.input_layernorm"},
    {"blk.#.attn_qkv", "model.layers.#.self_attn.qkv_proj"},
    {"blk.#.attn_output", "model.layers.#.self_attn.o_proj"},
    {"blk.#.ffn_norm", "model.layers.#.post_attention_layernorm"},
    {"blk.#.ffn_up", "model.layers.#.mlp.gate_up_proj"},
    {"blk.#.ffn_down", "model.layers.#.mlp.down_proj"},
}};

void complete(const GgufSource& source, Json& config) {
  complete_decoder(source, config);
  const auto window = source.integer("attention.sliding_window");
  config["sliding_window"] = window.value_or(0) > 0 ? Json(*window) : Json();
  if (const auto original = source.integer("rope.scaling.original_context_length")) {
    config["original_max_position_embeddings"] = *original;
  }
  const auto long_factors = source.numbers("rope_factors_long.weight");
  const auto short_factors = source.numbers("rope_factors_short.weight");
  if (long_factors.empty() && short_factors.empty()) return;
  Json scaling{
      {"rope_type", "longrope"}, {"short_factor", short_factors}, {"long_factor", long_factors}};
  if (const auto magnitude = source.number("rope.scaling.attn_factor")) {
    scaling["attention_factor"] = *magnitude;
  }
  config["rope_scaling"] = std::move(scaling);
}

}  // namespace
}  // namespace phi3

const Dialect kPhi3{
    .architecture = "phi3",
    .model_type = "phi3",
    .head = "Phi3ForCausalLM",
    .fields = decoder_fields(),
    .tensors = phi3::kTensors,
    .complete = phi3::complete,
};

}  // namespace accel::models::gguf
