// ModernBERT.
#include <array>

#include "models/gguf/dialects/dialects.h"

namespace accel::models::gguf {
namespace modern_bert {
namespace {

constexpr std::array<FieldRule, 7> kFields{{
    {"context_length", "max_position_embeddings"},
    {"embedding_length", "hidden_size"},
    {"block_count", "num_hidden_layers"},
    {"feed_forward_length", "intermediate_size"},
    {"attention.head_count", "num_attention_heads"},
    {"attention.layer_norm_epsilon", "norm_eps"},
    {"attention.sliding_window", "local_attention"},
}};

constexpr std::array<TensorRule, 9> kTensors{{
    {"token_embd", "embeddings.tok_embeddings"},
    {"token_embd_norm", "embeddings.norm"},
    {"output_norm", "final_norm"},
    {"blk.#.attn_norm", "layers.#.attn_norm"},
    {"blk.#.attn_qkv", "layers.#.attn.Wqkv"},
    {"blk.#.attn_output", "layers.#.attn.Wo"},
    {"blk.#.ffn_norm", "layers.#.mlp_norm"},
    {"blk.#.ffn_up", "layers.#.mlp.Wi"},
    {"blk.#.ffn_down", "layers.#.mlp.Wo"},
}};

void complete(const GgufSource& source, Json& config) {
  config["vocab_size"] = source.rows("token_embd.weight");
  config["global_rope_theta"] = source.number("rope.freq_base").value_or(160000);
  config["local_rope_theta"] = source.number("rope.freq_base_swa").value_or(10000);
  if (const auto slides = source.flags("attention.sliding_window_pattern")) {
    for (const bool one : *slides) {
      config["layer_types"].push_back(one ? "sliding_attention" : "full_attention");
    }
  } else {
    config["global_attn_every_n_layers"] =
        source.integer("attention.sliding_window_pattern").value_or(3);
  }
}

}  // namespace
}  // namespace modern_bert

const Dialect kModernBert{
    .architecture = "modern-bert",
    .model_type = "modernbert",
    .head = "ModernBertModel",
    .fields = modern_bert::kFields,
    .tensors = modern_bert::kTensors,
    .complete = modern_bert::complete,
};

}  // namespace accel::models::gguf
