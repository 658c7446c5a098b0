// What BERT computes on its states (Devlin et al., arXiv:1810.04805), under its names.
#pragma once

#include <vector>

#include "accel/status.h"
#include "models/blocks/bert_encoder.h"
#include "models/family.h"

namespace accel::models {

// The outputs of context.head on the last states [B, L, H]: "cls.predictions.", "classifier.",
// "qa_outputs." and "pooler.".
Result<std::vector<NamedOutput>> bert_head(BuildContext& context, const BertEncoder& encoder,
                                           int64_t vocabulary, const Output& x);

// The same, but for two heads, under RoBERTa's names (Liu et al., arXiv:1907.11692): "lm_head.",
// with GELU whatever the encoder's activation; sequences are classified by "classifier.dense" and
// "classifier.out_proj".
Result<std::vector<NamedOutput>> roberta_head(BuildContext& context, const BertEncoder& encoder,
                                              int64_t vocabulary, const Output& x);

}  // namespace accel::models
