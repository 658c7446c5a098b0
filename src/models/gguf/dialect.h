// Dialect: how llama.cpp writes down one of our model families (its convert_hf_to_gguf.py), as
// data. A new one is one file in dialects/ and one line in dialects/dialects.h.
#pragma once

#include <span>
#include <string_view>

#include "base/json.h"
#include "models/gguf/source.h"

namespace accel::models::gguf {

// What was done to a tensor on its way into the file, and is undone here.
enum class Change {
  kNone,
  kTurnedQueries,  // the rows of a head were put from halves into pairs
  kTurnedKeys,     // the same, of the heads of keys
  kUnpackedHeads,  // queries, keys and values of each head were put into three blocks
  kTransposed,     // [in, out] became [out, in]
  kPlusOne,        // 1 was added
};

// A tensor's name without its last part (".weight", ".bias"); "#" stands for the layer's number.
struct TensorRule {
  std::string_view stored;  // "blk.#.attn_q"
  std::string_view name;    // "model.layers.#.self_attn.q_proj"; empty: read by the dialect itself
  Change change = Change::kNone;
  std::string_view beside = {};  // the rule holds only where this tensor is in the file
};

// A number of the metadata, below the architecture's name, and the field of config.json it becomes.
struct FieldRule {
  std::string_view key;
  std::string_view field;
};

struct Dialect {
  std::string_view architecture;  // general.architecture
  std::string_view model_type;    // config.json's
  std::string_view head;          // the first of config.json's "architectures"
  std::span<const FieldRule> fields;
  std::span<const TensorRule> tensors;
  // Adds to `config`, which has model_type, architectures and the fields, what rules cannot say.
  void (*complete)(const GgufSource& source, Json& config);
};

// What Llama and its kin share: the fields of a decoder, and what is left out of the metadata when
// it follows from other values: heads of keys, size of heads, and the rotary positions' scaling.
std::span<const FieldRule> decoder_fields();
void complete_decoder(const GgufSource& source, Json& config);

// What Gemma 2 and 3 divide scores by is not in the metadata: the square root of a head's size,
// except in the model of `layers_of_27b` layers, where it is that of hidden size / heads.
void complete_gemma_scale(const GgufSource& source, int64_t layers_of_27b, Json& config);

std::span<const FieldRule> t5_fields();
void complete_t5(const GgufSource& source, Json& config);

}  // namespace accel::models::gguf
