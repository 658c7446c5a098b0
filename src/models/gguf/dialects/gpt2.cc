// GPT-2, whose matrices were transposed.
#include <array>

#include "models/gguf/dialects/dialects.h"

namespace accel::models::gguf {
namespace gpt2 {
namespace {

constexpr std::array<FieldRule, 5> kFields{{
    {"embedding_length", "n_embd"},
    {"block_count", "n_layer"},
    {"feed_forward_length", "n_inner"},
    {"attention.head_count", "n_head"},
    {"attention.layer_norm_epsilon", "layer_norm_epsilon"},
}};

constexpr std::array<TensorRule, 10> kTensors{{
    {"token_embd", "transformer.wte"},
    {"position_embd", "transformer.wpe"},
    {"output_norm", "transformer.ln_f"},
    {"output", "lm_head"},
    {"blk.#.attn_norm", "transformer.h.#.ln_1"},
    {"blk.#.attn_qkv", "transformer.h.#.attn.c_attn", Change::kTransposed},
    {"blk.#.attn_output", "transformer.h.#.attn.c_proj", Change::kTransposed},
    {"blk.#.ffn_norm", "transformer.h.#.ln_2"},
    {"blk.#.ffn_up", "transformer.h.#.mlp.c_fc", Change::kTransposed},
    {"blk.#.ffn_down", "transformer.h.#.mlp.c_proj", Change::kTransposed},
}};

void complete(const GgufSource& source, Json& config) {
  config["vocab_size"] = source.rows("token_embd.weight");
  config["n_positions"] = source.rows("position_embd.weight");
  config["tie_word_embeddings"] = !source.has("output.weight");
}

}  // namespace
}  // namespace gpt2

const Dialect kGpt2{
    .architecture = "gpt2",
    .model_type = "gpt2",
    .head = "GPT2LMHeadModel",
    .fields = gpt2::kFields,
    .tensors = gpt2::kTensors,
    .complete = gpt2::complete,
};

}  // namespace accel::models::gguf
