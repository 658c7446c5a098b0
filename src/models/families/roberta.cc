// RoBERTa (Liu et al., arXiv:1907.11692), CamemBERT (Martin et al., arXiv:1911.03894) and
// XLM-RoBERTa (Conneau et al., arXiv:1911.02116): BERT's encoder, positions that start behind the
// padding token's number, and heads of their own.
#include <array>

#include "base/try.h"
#include "models/blocks/bert_encoder.h"
#include "models/blocks/bert_heads.h"
#include "models/blocks/blocks.h"
#include "models/config_reader.h"
#include "models/families/families.h"

namespace accel::models {
namespace roberta {
namespace {

// --- config ------------------------------------------------------------------------------------

// The analyzer loses the fields on their way through Result.
struct RobertaConfig {  // NOLINT(clang-analyzer-core.uninitialized.Assign)
  BertEncoder encoder;
  EmbeddingTables tables;
  int64_t padding = 1;  // the padding token's id
};

Result<RobertaConfig> read_config(const Json& json) {
  ConfigReader in(json);
  const BertEncoder encoder = read_bert_encoder(in);
  const bool absolute = encoder.position_kind == Positions::kAbsolute;
  const EmbeddingTables tables{.size = encoder.hidden,
                               .vocabulary = in.size_or("vocab_size", 50265),
                               .token_types = in.size_or("type_vocab_size", 2),
                               .positions = absolute ? encoder.positions : 0};
  const int64_t padding = in.count_or("pad_token_id", 1);
  if (padding + 1 >= encoder.positions) {
    in.problem("pad_token_id: expected less than max_position_embeddings - 1, because positions "
               "start behind it");
  }
  ACCEL_TRY(in.status());
  return RobertaConfig{encoder, tables, padding};
}

Result<Facts> facts(const Json& json) {
  ACCEL_ASSIGN(const RobertaConfig config, read_config(json));
  return bert_facts(json, config.encoder, config.tables,
                    config.encoder.positions - config.padding - 1);
}

// --- weight names ------------------------------------------------------------------------------

constexpr std::array<std::string_view, 3> kPrefixes{"", "roberta.", "camembert."};

constexpr std::array<std::string_view, 6> kUnused{
    "embeddings.position_ids",
    "embeddings.position_embeddings.",
    "lm_head.",
    "classifier.",
    "qa_outputs.",
    "pooler.",
};

// --- build -------------------------------------------------------------------------------------

Result<std::vector<NamedOutput>> build(BuildContext& context) {
  ACCEL_ASSIGN(const RobertaConfig config, read_config(context.config));
  const BertEncoder& encoder = config.encoder;
  context.weights.choose_prefix(kPrefixes, "embeddings.word_embeddings.weight");
  const Output ids = *context.inputs.take("input_ids");
  const auto mask = additive_mask(context.inputs.take("attention_mask"));
  const Output sum =
      embedding_sum(context, config.tables, ids, positions_behind_padding(ids, config.padding));
  const Output normal =
      layer_norm(context.weights, "embeddings.LayerNorm", sum, encoder.hidden, encoder.epsilon);
  ACCEL_ASSIGN(const Output x, bert_encoder(context, encoder, normal, mask));
  return roberta_head(context, encoder, config.tables.vocabulary, x);
}

// --- descriptors -------------------------------------------------------------------------------

constexpr std::array<Architecture, 6> kRobertaArchitectures{{
    {"RobertaModel", Head::kBase},
    {"RobertaForMaskedLM", Head::kMaskedLm},
    {"RobertaForSequenceClassification", Head::kSequenceClassification},
    {"RobertaForTokenClassification", Head::kTokenClassification},
    {"RobertaForQuestionAnswering", Head::kQuestionAnswering},
    {"RobertaForMultipleChoice", Head::kMultipleChoice},
}};
constexpr std::array<Architecture, 6> kCamembertArchitectures{{
    {"CamembertModel", Head::kBase},
    {"CamembertForMaskedLM", Head::kMaskedLm},
    {"CamembertForSequenceClassification", Head::kSequenceClassification},
    {"CamembertForTokenClassification", Head::kTokenClassification},
    {"CamembertForQuestionAnswering", Head::kQuestionAnswering},
    {"CamembertForMultipleChoice", Head::kMultipleChoice},
}};
constexpr std::array<Architecture, 6> kXlmRobertaArchitectures{{
    {"XLMRobertaModel", Head::kBase},
    {"XLMRobertaForMaskedLM", Head::kMaskedLm},
    {"XLMRobertaForSequenceClassification", Head::kSequenceClassification},
    {"XLMRobertaForTokenClassification", Head::kTokenClassification},
    {"XLMRobertaForQuestionAnswering", Head::kQuestionAnswering},
    {"XLMRobertaForMultipleChoice", Head::kMultipleChoice},
}};

const std::array<InputSpec, 4> kInputs{{
    {"input_ids", DType::kI64, {-1, -1}, Needed::kAlways},
    {"attention_mask", DType::kI64, {-1, -1}, Needed::kUsually, "input_ids"},
    {"token_type_ids", DType::kI64, {-1, -1}, Needed::kOnRequest, "input_ids"},
    {"position_ids", DType::kI64, {-1, -1}, Needed::kOnRequest, "input_ids"},
}};

}  // namespace
}  // namespace roberta

const Family kRoberta{
    .model_type = "roberta",
    .title = "RoBERTa",
    .reference = "arXiv:1907.11692",
    .tokenizer = "RobertaTokenizer",
    .architectures = roberta::kRobertaArchitectures,
    .inputs = roberta::kInputs,
    .unused_weights = roberta::kUnused,
    .facts = roberta::facts,
    .build = roberta::build,
};

const Family kCamembert{
    .model_type = "camembert",
    .title = "CamemBERT",
    .reference = "arXiv:1911.03894",
    .tokenizer = "CamembertTokenizer",
    .architectures = roberta::kCamembertArchitectures,
    .inputs = roberta::kInputs,
    .unused_weights = roberta::kUnused,
    .facts = roberta::facts,
    .build = roberta::build,
};

const Family kXlmRoberta{
    .model_type = "xlm-roberta",
    .title = "XLM-RoBERTa",
    .reference = "arXiv:1911.02116",
    .tokenizer = "XLMRobertaTokenizer",
    .architectures = roberta::kXlmRobertaArchitectures,
    .inputs = roberta::kInputs,
    .unused_weights = roberta::kUnused,
    .facts = roberta::facts,
    .build = roberta::build,
};

}  // namespace accel::models
