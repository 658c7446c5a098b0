// BERT, and RoBERTa and XLM-RoBERTa under the same name: their first rows of positions, those of
// padding, were cut off, after which they count as BERT does. A reranker's head is BERT's pooler
// and classifier.
#include <array>

#include "models/gguf/dialects/dialects.h"

namespace accel::models::gguf {
namespace bert {
namespace {

constexpr std::array<FieldRule, 5> kFields{{
    {"embedding_length", "hidden_size"},
    {"block_count", "num_hidden_layers"},
    {"feed_forward_length", "intermediate_size"},
    {"attention.head_count", "num_attention_heads"},
    {"attention.layer_norm_epsilon", "layer_norm_eps"},
}};

constexpr std::array<TensorRule, 14> kTensors{{
    {"token_embd", "embeddings.word_embeddings"},
    {"position_embd", "embeddings.position_embeddings"},
    {"token_types", "embeddings.token_type_embeddings"},
    {"token_embd_norm", "embeddings.LayerNorm"},
    {"cls", "pooler.dense"},
    {"cls.output", "classifier"},
    {"blk.#.attn_q", "encoder.layer.#.attention.self.query"},
    {"blk.#.attn_k", "encoder.layer.#.attention.self.key"},
    {"blk.#.attn_v", "encoder.layer.#.attention.self.value"},
    {"blk.#.attn_output", "encoder.layer.#.attention.output.dense"},
    {"blk.#.attn_output_norm", "encoder.layer.#.attention.output.LayerNorm"},
    {"blk.#.ffn_up", "encoder.layer.#.intermediate.dense"},
    {"blk.#.ffn_down", "encoder.layer.#.output.dense"},
    {"blk.#.layer_output_norm", "encoder.layer.#.output.LayerNorm"},
}};

void complete(const GgufSource& source, Json& config) {
  config["vocab_size"] = source.rows("token_embd.weight");
  config["max_position_embeddings"] = source.rows("position_embd.weight");
  config["type_vocab_size"] = source.rows("token_types.weight");
  const int64_t labels = source.rows("cls.output.weight");
  if (labels == 0) return;
  config["architectures"] = {"BertForSequenceClassification"};
  config["num_labels"] = labels;
}

}  // namespace
}  // namespace bert

const Dialect kBert{
    .architecture = "bert",
    .model_type = "bert",
    .head = "BertModel",
    .fields = bert::kFields,
    .tensors = bert::kTensors,
    .complete = bert::complete,
};

}  // namespace accel::models::gguf
