// The encoder that BERT introduced (Devlin et al., arXiv:1810.04805) and its descendants kept:
// attention and feed-forward, each with its residual and then layer norm. B: batch, L: tokens, H:
// hidden size, A: attention heads, D = H / A.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accel/status.h"
#include "models/config_reader.h"
#include "models/family.h"
#include "models/weights.h"

namespace accel::models {

enum class Positions { kAbsolute, kRelativeKey, kRelativeKeyQuery };

// Where a layer's weights lie, behind the layer's own name: BERT's names.
struct BertLayerNames {
  std::string_view query = "attention.self.query";
  std::string_view key = "attention.self.key";
  std::string_view value = "attention.self.value";
  std::string_view distance = "attention.self.distance_embedding.weight";
  std::string_view mixed = "attention.output.dense";
  std::string_view mixed_norm = "attention.output.LayerNorm";
  std::string_view wide = "intermediate.dense";
  std::string_view narrow = "output.dense";
  std::string_view norm = "output.LayerNorm";
};

// The analyzer loses the fields on their way through Result.
struct BertEncoder {  // NOLINT(clang-analyzer-core.uninitialized.Assign)
  int64_t hidden = 0;
  int64_t layers = 0;
  int64_t heads = 1;
  int64_t intermediate = 0;
  int64_t positions = 0;  // max_position_embeddings; also the reach of relative ones
  double epsilon = 0;
  std::string activation;
  Positions position_kind = Positions::kAbsolute;
  bool scaled_positions = true;  // relative ones, by 1 / sqrt(D) as the scores that they add to
  BertLayerNames names;
};

// What config.json may leave out and families disagree on: BERT's values.
struct BertDefaults {
  int64_t hidden = 768;
  int64_t layers = 12;
  int64_t heads = 12;
  int64_t intermediate = 3072;
  double epsilon = 1e-12;
  std::string_view activation = "gelu";
};

// The fields that all of these families share; problems go to `in`.
BertEncoder read_bert_encoder(ConfigReader& in, const BertDefaults& defaults = {});

// Refuses what no encoder here builds: decoders, pruned heads, heads of a broken size.
void check_bert_encoder(ConfigReader& in, const BertEncoder& encoder);

// The rows that the embeddings of a family add up.
struct EmbeddingTables {
  int64_t size = 0;  // of a row
  int64_t vocabulary = 0;
  int64_t token_types = 0;  // 0: no such table
  int64_t positions = 0;    // likewise
};

// What these families say about themselves.
Result<Facts> bert_facts(const Json& json, const BertEncoder& encoder,
                         const EmbeddingTables& tables, int64_t max_positions);

// Word + token type + position, [B, L] -> [B, L, size]. `places` are the positions where the caller
// gives none; without a table of them, or of token types, those inputs are of no effect.
Output embedding_sum(BuildContext& context, const EmbeddingTables& tables, const Output& ids,
                     const Output& places);

// Query, key and value of a layer, [B, A, L, D] each.
struct AttentionInputs {
  Output query;
  Output key;
  Output value;
};
AttentionInputs attention_inputs(Weights& weights, const BertEncoder& encoder,
                                 const std::string& layer, const Output& x);

// From what attention made of the values, [B, A, L, D], and the layer's input, [B, L, H], to its
// output: [B, L, H].
Result<Output> after_attention(Weights& weights, const BertEncoder& encoder,
                               const std::string& layer, const Output& mixed, const Output& x);

// One layer, whose weights' names begin with `layer`: [B, L, H] -> [B, L, H].
Result<Output> bert_layer(Weights& weights, const BertEncoder& encoder, const std::string& layer,
                          const Output& x, std::optional<Output> mask);

// All layers, "STACK.N.": embeddings [B, L, H] to states [B, L, H]. Adds them all, the embeddings
// first, to context.states. `mask` is added to the scores and broadcasts to [B, A, L, L].
Result<Output> bert_encoder(BuildContext& context, const BertEncoder& encoder, Output x,
                            const std::optional<Output>& mask,
                            std::string_view stack = "encoder.layer");

// "NAME" and tanh on the first token: [B, L, H] -> [B, H].
Result<Output> bert_pooler(Weights& weights, const Output& x, int64_t hidden,
                           const std::string& name = "pooler.dense");

// last_hidden_state and, where a pooler is stored as "NAME", pooler_output.
Result<std::vector<NamedOutput>> bert_states(Weights& weights, const Output& x, int64_t hidden,
                                             const std::string& name = "pooler.dense");

}  // namespace accel::models
