// MPNet (Song et al., arXiv:2004.09297): RoBERTa's embeddings without token types, and T5's bias by
// bucketed distance, one for all layers.
#include <array>

#include "base/try.h"
#include "models/blocks/bert_encoder.h"
#include "models/blocks/bert_heads.h"
#include "models/blocks/blocks.h"
#include "models/blocks/relative_position.h"
#include "models/config_reader.h"
#include "models/families/families.h"

namespace accel::models {
namespace mpnet {
namespace {

// --- config ------------------------------------------------------------------------------------

constexpr int64_t kPadding = 1;        // positions start behind it, whatever pad_token_id says
constexpr int64_t kBuckets = 32;       // computed, whatever the table's size
constexpr int64_t kMaxDistance = 128;  // beyond it, the last bucket

// The analyzer loses the fields on their way through Result.
struct MpnetConfig {  // NOLINT(clang-analyzer-core.uninitialized.Assign)
  BertEncoder encoder;
  EmbeddingTables tables;
  int64_t bias_rows = 0;
};

Result<MpnetConfig> read_config(const Json& json) {
  ConfigReader in(json);
  BertEncoder encoder = read_bert_encoder(in);
  encoder.names.query = "attention.attn.q";
  encoder.names.key = "attention.attn.k";
  encoder.names.value = "attention.attn.v";
  encoder.names.mixed = "attention.attn.o";
  encoder.names.mixed_norm = "attention.LayerNorm";
  in.expect("position_embedding_type", "absolute", "this family has a bias by distance instead");
  const EmbeddingTables tables{.size = encoder.hidden,
                               .vocabulary = in.size_or("vocab_size", 30527),
                               .positions = encoder.positions};
  const int64_t bias_rows = in.size_or("relative_attention_num_buckets", kBuckets);
  if (bias_rows < kBuckets) {
    in.problem("relative_attention_num_buckets: expected at least 32, the number of buckets that "
               "distances fall into");
  }
  if (encoder.positions <= kPadding + 1) {
    in.problem("max_position_embeddings: expected more than 2, where positions start");
  }
  ACCEL_TRY(in.status());
  return MpnetConfig{std::move(encoder), tables, bias_rows};
}

Result<Facts> facts(const Json& json) {
  ACCEL_ASSIGN(const MpnetConfig config, read_config(json));
  return bert_facts(json, config.encoder, config.tables, config.encoder.positions - kPadding - 1);
}

// --- weight names ------------------------------------------------------------------------------

constexpr std::array<std::string_view, 2> kPrefixes{"", "mpnet."};

constexpr std::array<std::string_view, 5> kUnused{
    "embeddings.position_ids", "lm_head.", "classifier.", "qa_outputs.", "pooler.",
};

// --- build -------------------------------------------------------------------------------------

// What is added to the scores: the bias by distance and, of padding, the lowest float.
Output scores_mask(BuildContext& context, const MpnetConfig& config, const Output& x) {
  std::vector<int64_t> buckets;
  for (int64_t distance = -kMaxDistance; distance <= kMaxDistance; ++distance) {
    buckets.push_back(distance_bucket(distance, kBuckets, kMaxDistance));
  }
  const Output table = context.weights.get("encoder.relative_attention_bias.weight",
                                           {config.bias_rows, config.encoder.heads});
  const Output bias = distance_bias(table, buckets, x);
  const auto mask = additive_mask(context.inputs.take("attention_mask"));
  return mask ? add(bias, *mask) : bias;
}

Result<std::vector<NamedOutput>> build(BuildContext& context) {
  ACCEL_ASSIGN(const MpnetConfig config, read_config(context.config));
  const BertEncoder& encoder = config.encoder;
  context.weights.choose_prefix(kPrefixes, "embeddings.word_embeddings.weight");
  const Output ids = *context.inputs.take("input_ids");
  const Output sum =
      embedding_sum(context, config.tables, ids, positions_behind_padding(ids, kPadding));
  const Output normal =
      layer_norm(context.weights, "embeddings.LayerNorm", sum, encoder.hidden, encoder.epsilon);
  const Output mask = scores_mask(context, config, normal);
  ACCEL_ASSIGN(const Output x, bert_encoder(context, encoder, normal, mask));
  return roberta_head(context, encoder, config.tables.vocabulary, x);
}

// --- descriptor --------------------------------------------------------------------------------

constexpr std::array<Architecture, 6> kArchitectures{{
    {"MPNetModel", Head::kBase},
    {"MPNetForMaskedLM", Head::kMaskedLm},
    {"MPNetForSequenceClassification", Head::kSequenceClassification},
    {"MPNetForTokenClassification", Head::kTokenClassification},
    {"MPNetForQuestionAnswering", Head::kQuestionAnswering},
    {"MPNetForMultipleChoice", Head::kMultipleChoice},
}};

const std::array<InputSpec, 3> kInputs{{
    {"input_ids", DType::kI64, {-1, -1}, Needed::kAlways},
    {"attention_mask", DType::kI64, {-1, -1}, Needed::kUsually, "input_ids"},
    {"position_ids", DType::kI64, {-1, -1}, Needed::kOnRequest, "input_ids"},
}};

}  // namespace
}  // namespace mpnet

const Family kMpnet{
    .model_type = "mpnet",
    .title = "MPNet",
    .reference = "arXiv:2004.09297",
    .tokenizer = "MPNetTokenizer",
    .architectures = mpnet::kArchitectures,
    .inputs = mpnet::kInputs,
    .unused_weights = mpnet::kUnused,
    .facts = mpnet::facts,
    .build = mpnet::build,
};

}  // namespace accel::models
