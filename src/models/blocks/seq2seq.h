// Encoder-decoder transformers (Vaswani et al., arXiv:1706.03762) with the layers and tensor names
// of BART (Lewis et al., arXiv:1910.13461), which mBART, Marian and Whisper kept; and what all
// encoder-decoders have in common. B: batch, S: source tokens or frames, T: target tokens, H:
// hidden size, A: attention heads, D = H / A.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "accel/status.h"
#include "models/config_reader.h"
#include "models/family.h"
#include "models/weights.h"

namespace accel::models {

// --- layers ------------------------------------------------------------------------------------

// Of every layer normalisation; no config has a field for it.
inline constexpr double kSeq2SeqEpsilon = 1e-5;

// One of the two stacks of layers.
struct Seq2SeqStack {
  std::string name;  // "encoder" or "decoder": its layers are "NAME.layers.N."
  int64_t hidden = 0;
  int64_t layers = 0;
  int64_t heads = 1;
  int64_t intermediate = 0;
  std::string activation;
  // Layer norms stand before the sublayers and once more, "NAME.layer_norm", behind the last,
  // instead of behind each sublayer's residual.
  bool pre_norm = false;
  bool key_bias = true;  // Whisper's "k_proj" has none
};

// "NAME_layers", "NAME_attention_heads", "NAME_ffn_dim", "d_model" and "activation_function";
// `defaults` has the name and what config.json leaves out. Problems go to `in`.
Seq2SeqStack read_seq2seq_stack(ConfigReader& in, const Seq2SeqStack& defaults);

// All layers of an encoder: [B, S, H] -> [B, S, H]. `mask` is additive, [B, 1, 1, S]. The states
// before the first layer and after each go to context.states as "GROUP.N", the last one normalised.
Result<Output> seq2seq_encoder(BuildContext& context, const Seq2SeqStack& stack, Output x,
                               const std::optional<Output>& mask, std::string_view group);

// What a decoder's cross attention reads.
struct Memory {
  Output states;               // [B, S, H]
  std::optional<Output> mask;  // additive, [B, 1, 1, S]
};

// All layers of a decoder, likewise: [B, T, H] -> [B, T, H]. `mask` as decoder_mask() makes it.
Result<Output> seq2seq_decoder(BuildContext& context, const Seq2SeqStack& stack, Output x,
                               const Output& mask, const Memory& memory, std::string_view group);

// The additive mask [B or 1, 1, T, T] by which tokens `ids` [B, T] see themselves and what is
// before them, as far as `attention_mask` [B, T] marks it as real.
Output decoder_mask(const Output& ids, const std::optional<Output>& attention_mask);

// --- inputs ------------------------------------------------------------------------------------

// The inputs that are there. Source alone: the encoder is wanted; source and target: both; memory
// and target: the decoder.
struct Seq2SeqInputs {
  std::optional<Output> source;       // "input_ids" [B, S], or the features of another modality
  std::optional<Output> memory;       // "encoder_hidden_states" [B, S, H]
  std::optional<Output> mask;         // of either, additive: "attention_mask" of a source,
                                      // "encoder_attention_mask" of memory
  std::optional<Output> target;       // "decoder_input_ids" [B, T]
  std::optional<Output> target_mask;  // "decoder_attention_mask" [B, T]
};

// Of a text in and a text out. Each part can be had alone, so that no input is always needed.
extern const std::array<InputSpec, 6> kTextSeq2SeqInputs;

// INVALID_ARGUMENT for inputs that no part or sequence of parts takes together.
Result<Seq2SeqInputs> take_seq2seq_inputs(GraphInputs& inputs,
                                          std::string_view source = "input_ids");

// Of the names that an embedding shared by several parts may be stored under, the first that is
// there; the first of all when none is.
std::string stored_name(const Weights& weights, std::span<const std::string_view> names);

// --- heads -------------------------------------------------------------------------------------

// The tokens `ids` [B, T] moved one to the right, behind `start` [B, 1]; the last one drops out.
Output shift_right(const Output& ids, const Output& start);

// Of each row of x [B, T, H] the state at the last place where `ids` [B, T] has `token`: [B, H].
Output state_at_last(const Output& x, const Output& ids, int64_t token);

// "classification_head.dense", tanh and "classification_head.out_proj": [B, H] -> [B, labels].
Result<Output> seq2seq_classification(Weights& weights, const Output& x, int64_t hidden,
                                      int64_t labels);

}  // namespace accel::models
