// BERT (Devlin et al., arXiv:1810.04805). Also the encoder of most sentence-transformers models.
#include <array>

#include "base/try.h"
#include "models/blocks/bert_encoder.h"
#include "models/blocks/bert_heads.h"
#include "models/blocks/blocks.h"
#include "models/config_reader.h"
#include "models/families/families.h"

namespace accel::models {
namespace bert {
namespace {

// --- config ------------------------------------------------------------------------------------

// The analyzer loses the fields on their way through Result.
struct BertConfig {  // NOLINT(clang-analyzer-core.uninitialized.Assign)
  BertEncoder encoder;
  EmbeddingTables tables;
};

Result<BertConfig> read_config(const Json& json) {
  ConfigReader in(json);
  const BertEncoder encoder = read_bert_encoder(in);
  const bool absolute = encoder.position_kind == Positions::kAbsolute;
  const EmbeddingTables tables{.size = encoder.hidden,
                               .vocabulary = in.size_or("vocab_size", 30522),
                               .token_types = in.size_or("type_vocab_size", 2),
                               .positions = absolute ? encoder.positions : 0};
  ACCEL_TRY(in.status());
  return BertConfig{encoder, tables};
}

Result<Facts> facts(const Json& json) {
  ACCEL_ASSIGN(const BertConfig config, read_config(json));
  return bert_facts(json, config.encoder, config.tables, config.encoder.positions);
}

// --- weight names ------------------------------------------------------------------------------

constexpr std::array<std::string_view, 2> kPrefixes{"", "bert."};

// Models with relative positions store a table of absolute ones as well.
constexpr std::array<std::string_view, 6> kUnused{
    "embeddings.position_ids",
    "embeddings.position_embeddings.",
    "cls.",
    "classifier.",
    "qa_outputs.",
    "pooler.",
};

// --- build -------------------------------------------------------------------------------------

Result<std::vector<NamedOutput>> build(BuildContext& context) {
  ACCEL_ASSIGN(const BertConfig config, read_config(context.config));
  const BertEncoder& encoder = config.encoder;
  context.weights.choose_prefix(kPrefixes, "embeddings.word_embeddings.weight");
  const Output ids = *context.inputs.take("input_ids");
  const auto mask = additive_mask(context.inputs.take("attention_mask"));
  const Output sum = embedding_sum(context, config.tables, ids, positions_of(ids));
  const Output normal =
      layer_norm(context.weights, "embeddings.LayerNorm", sum, encoder.hidden, encoder.epsilon);
  ACCEL_ASSIGN(const Output x, bert_encoder(context, encoder, normal, mask));
  return bert_head(context, encoder, config.tables.vocabulary, x);
}

// --- descriptor --------------------------------------------------------------------------------

constexpr std::array<Architecture, 6> kArchitectures{{
    {"BertModel", Head::kBase},
    {"BertForMaskedLM", Head::kMaskedLm},
    {"BertForSequenceClassification", Head::kSequenceClassification},
    {"BertForTokenClassification", Head::kTokenClassification},
    {"BertForQuestionAnswering", Head::kQuestionAnswering},
    {"BertForMultipleChoice", Head::kMultipleChoice},
}};

const std::array<InputSpec, 4> kInputs{{
    {"input_ids", DType::kI64, {-1, -1}, Needed::kAlways},
    {"attention_mask", DType::kI64, {-1, -1}, Needed::kUsually, "input_ids"},
    {"token_type_ids", DType::kI64, {-1, -1}, Needed::kOnRequest, "input_ids"},
    {"position_ids", DType::kI64, {-1, -1}, Needed::kOnRequest, "input_ids"},
}};

}  // namespace
}  // namespace bert

const Family kBert{
    .model_type = "bert",
    .title = "BERT",
    .reference = "arXiv:1810.04805",
    .tokenizer = "BertTokenizer",
    .architectures = bert::kArchitectures,
    .inputs = bert::kInputs,
    .unused_weights = bert::kUnused,
    .facts = bert::facts,
    .build = bert::build,
};

}  // namespace accel::models
