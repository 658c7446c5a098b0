// Nomic-BERT.
#include <array>

#include "models/gguf/dialects/dialects.h"

namespace accel::models::gguf {
namespace nomic_bert {
namespace {

constexpr std::array<FieldRule, 7> kFields{{
    {"context_length", "max_position_embeddings"},
    {"embedding_length", "hidden_size"},
    {"block_count", "num_hidden_layers"},
    {"feed_forward_length", "intermediate_size"},
    {"attention.head_count", "num_attention_heads"},
    {"attention.key_length", "head_dim"},
    {"attention.layer_norm_epsilon", "layer_norm_eps"},
}};

constexpr std::array<TensorRule, 10> kTensors{{
    {"token_embd", "embeddings.word_embeddings"},
    {"token_types", "embeddings.token_type_embeddings"},
    {"token_embd_norm", "emb_ln"},
    {"blk.#.attn_qkv", "encoder.layers.#.attn.Wqkv"},
    {"blk.#.attn_output", "encoder.layers.#.attn.out_proj"},
    {"blk.#.attn_output_norm", "encoder.layers.#.norm1"},
    {"blk.#.ffn_up", "encoder.layers.#.mlp.fc11"},
    {"blk.#.ffn_gate", "encoder.layers.#.mlp.fc12"},
    {"blk.#.ffn_down", "encoder.layers.#.mlp.fc2"},
    {"blk.#.layer_output_norm", "encoder.layers.#.norm2"},
}};

void complete(const GgufSource& source, Json& config) {
  config["vocab_size"] = source.rows("token_embd.weight");
  config["type_vocab_size"] = source.rows("token_types.weight");
  config["rope_parameters"] = {{"rope_type", "default"},
                               {"rope_theta", source.number("rope.freq_base").value_or(1000)}};
}

}  // namespace
}  // namespace nomic_bert

const Dialect kNomicBert{
    .architecture = "nomic-bert",
    .model_type = "nomic_bert",
    .head = "NomicBertModel",
    .fields = nomic_bert::kFields,
    .tensors = nomic_bert::kTensors,
    .complete = nomic_bert::complete,
};

}  // namespace accel::models::gguf
