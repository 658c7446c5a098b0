// T5's encoder alone.
#include <array>

#include "models/gguf/dialects/dialects.h"

namespace accel::models::gguf {
namespace t5_encoder {
namespace {

constexpr std::array<TensorRule, 13> kTensors{{
    {"token_embd", "shared"},
    {"enc.output_norm", "encoder.final_layer_norm"},
    {"enc.blk.#.attn_norm", "encoder.block.#.layer.0.layer_norm"},
    {"enc.blk.#.attn_q", "encoder.block.#.layer.0.SelfAttention.q"},
    {"enc.blk.#.attn_k", "encoder.block.#.layer.0.SelfAttention.k"},
    {"enc.blk.#.attn_v", "encoder.block.#.layer.0.SelfAttention.v"},
    {"enc.blk.#.attn_o", "encoder.block.#.layer.0.SelfAttention.o"},
    {"enc.blk.#.attn_rel_b", "encoder.block.#.layer.0.SelfAttention.relative_attention_bias"},
    {"enc.blk.#.ffn_norm", "encoder.block.#.layer.1.layer_norm"},
    {"enc.blk.#.ffn_gate", "encoder.block.#.layer.1.DenseReluDense.wi_0"},
    {.stored = "enc.blk.#.ffn_up",
     .name = "encoder.block.#.layer.1.DenseReluDense.wi_1",
     .beside = "enc.blk.0.ffn_gate.weight"},
    {"enc.blk.#.ffn_up", "encoder.block.#.layer.1.DenseReluDense.wi"},
    {"enc.blk.#.ffn_down", "encoder.block.#.layer.1.DenseReluDense.wo"},
}};

}  // namespace
}  // namespace t5_encoder

const Dialect kT5Encoder{
    .architecture = "t5encoder",
    .model_type = "t5",
    .head = "T5EncoderModel",
    .fields = t5_fields(),
    .tensors = t5_encoder::kTensors,
    .complete = complete_t5,
};

}  // namespace accel::models::gguf
