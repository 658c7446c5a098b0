// GPT-NeoX and Pythia.
#include <array>

#include "models/gguf/dialects/dialects.h"

namespace accel::models::gguf {
namespace gpt_neox {
namespace {

constexpr std::array<FieldRule, 7> kFields{{
    {"context_length", "max_position_embeddings"},
    {"embedding_length", "hidden_size"},
    {"block_count", "num_hidden_layers"},
    {"feed_forward_length", "intermediate_size"},
    {"attention.head_count", "num_attention_heads"},
    {"attention.layer_norm_epsilon", "layer_norm_eps"},
    {"rope.freq_base", "rotary_emb_base"},
}};

constexpr std::array<TensorRule, 9> kTensors{{
    {"token_embd", "gpt_neox.embed_in"},
    {"output_norm", "gpt_neox.final_layer_norm"},
    {"output", "embed_out"},
    {"blk.#.attn_norm", "gpt_neox.layers.#.input_layernorm"},
    {"blk.#.attn_qkv", "gpt_neox.layers.#.attention.query_key_value", Change::kUnpackedHeads},
    {"blk.#.attn_output", "gpt_neox.layers.#.attention.dense"},
    {"blk.#.ffn_norm", "gpt_neox.layers.#.post_attention_layernorm"},
    {"blk.#.ffn_up", "gpt_neox.layers.#.mlp.dense_h_to_4h"},
    {"blk.#.ffn_down", "gpt_neox.layers.#.mlp.dense_4h_to_h"},
}};

void complete(const GgufSource& source, Json& config) {
  config["vocab_size"] = source.rows("token_embd.weight");
  config["tie_word_embeddings"] = !source.has("output.weight");
  config["attention_bias"] = source.has("blk.0.attn_qkv.bias");
  config["use_parallel_residual"] = source.flag("use_parallel_residual").value_or(true);
  const auto heads = static_cast<double>(source.integer("attention.head_count").value_or(1));
  const auto hidden = static_cast<double>(source.integer("embedding_length").value_or(1));
  const auto turned = source.integer("rope.dimension_count");
  if (turned && hidden > 0) config["rotary_pct"] = static_cast<double>(*turned) * heads / hidden;
}

}  // namespace
}  // namespace gpt_neox

const Dialect kGptNeox{
    .architecture = "gptneox",
    .model_type = "gpt_neox",
    .head = "GPTNeoXForCausalLM",
    .fields = gpt_neox::kFields,
    .tensors = gpt_neox::kTensors,
    .complete = gpt_neox::complete,
};

}  // namespace accel::models::gguf
