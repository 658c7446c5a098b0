#include "models/blocks/bert_heads.h"

#include "base/try.h"
#include "models/blocks/heads.h"

namespace accel::models {
namespace {

const MaskedLmNames kMaskedLm{
    .dense = "cls.predictions.transform.dense",
    .norm = "cls.predictions.transform.LayerNorm",
    .decoder = "cls.predictions.decoder",
    .tied = "embeddings.word_embeddings.weight",
    .bias = "cls.predictions.bias",
};

const MaskedLmNames kRobertaMaskedLm{
    .dense = "lm_head.dense",
    .norm = "lm_head.layer_norm",
    .decoder = "lm_head.decoder",
    .tied = "embeddings.word_embeddings.weight",
    .bias = "lm_head.bias",
};

}  // namespace

Result<std::vector<NamedOutput>> bert_head(BuildContext& context, const BertEncoder& encoder,
                                           int64_t vocabulary, const Output& x) {
  Weights& weights = context.weights;
  const int64_t hidden = encoder.hidden;
  switch (context.head) {
    case Head::kMaskedLm: {
      const MaskedLmSizes sizes{hidden, hidden, vocabulary, encoder.epsilon};
      return masked_lm(context, kMaskedLm, sizes, encoder.activation, x);
    }
    case Head::kMultipleChoice:
    case Head::kSequenceClassification: {
      ACCEL_ASSIGN(const Output pooled, bert_pooler(weights, x, hidden));
      return classify(context, "classifier", pooled, hidden);
    }
    case Head::kTokenClassification: return classify(context, "classifier", x, hidden);
    case Head::kQuestionAnswering: return span_logits(weights, "qa_outputs", x, hidden);
    default: return bert_states(weights, x, hidden);
  }
}

Result<std::vector<NamedOutput>> roberta_head(BuildContext& context, const BertEncoder& encoder,
                                              int64_t vocabulary, const Output& x) {
  const int64_t hidden = encoder.hidden;
  switch (context.head) {
    case Head::kMaskedLm: {
      const MaskedLmSizes sizes{hidden, hidden, vocabulary, encoder.epsilon};
      return masked_lm(context, kRobertaMaskedLm, sizes, "gelu", x);
    }
    case Head::kSequenceClassification: {
      ACCEL_ASSIGN(const Output pooled,
                   bert_pooler(context.weights, x, hidden, "classifier.dense"));
      return classify(context, "classifier.out_proj", pooled, hidden);
    }
    default: return bert_head(context, encoder, vocabulary, x);
  }
}

}  // namespace accel::models
