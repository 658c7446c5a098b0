// The encoder that BERT introduced (Devlin et al., arXiv:1810.04805) and RoBERTa, XLM-RoBERTa and
// ELECTRA kept: attention and feed-forward, each with its residual and then layer norm.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "accel/status.h"
#include "models/config_reader.h"
#include "models/family.h"
#include "models/weights.h"

namespace accel::models {

enum class Positions { kAbsolute, kRelativeKey, kRelativeKeyQuery };

// The analyzer loses the fields on their way through Result.
struct BertEncoder {  // NOLINT(clang-analyzer-core.uninitialized.Assign)
  int64_t hidden = 0;
  int64_t layers = 0;
  int64_t heads = 1;
  int64_t intermediate = 0;
  int64_t positions = 0;  // rows of the position table; also the reach of relative ones
  double epsilon = 0;
  std::string activation;
  Positions position_kind = Positions::kAbsolute;
};

// What config.json may leave out and families disagree on: BERT's values.
struct BertDefaults {
  int64_t hidden = 768;
  int64_t heads = 12;
  int64_t intermediate = 3072;
};

// The fields that all of these families share; problems go to `in`.
BertEncoder read_bert_encoder(ConfigReader& in, const BertDefaults& defaults = {});

// All layers, "encoder.layer.N.": embeddings [B, L, H] to states [B, L, H]. Adds them all, the
// embeddings first, to context.states. `mask` is additive, [B, 1, 1, L].
Result<Output> bert_encoder(BuildContext& context, const BertEncoder& encoder, Output x,
                            const std::optional<Output>& mask);

// "pooler.dense" and tanh on the first token: [B, L, H] -> [B, H].
Result<Output> bert_pooler(Weights& weights, const Output& x, int64_t hidden);

}  // namespace accel::models
