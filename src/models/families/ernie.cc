// ERNIE (Sun et al., arXiv:1904.09223, and arXiv:1907.12412 for tasks): BERT, and in its second
// version embeddings of the task that a text is for.
#include <algorithm>
#include <array>

#include "base/try.h"
#include "models/blocks/bert_encoder.h"
#include "models/blocks/bert_heads.h"
#include "models/blocks/blocks.h"
#include "models/config_reader.h"
#include "models/families/families.h"

namespace accel::models {
namespace ernie {
namespace {

// --- config ------------------------------------------------------------------------------------

// The analyzer loses the fields on their way through Result.
struct ErnieConfig {  // NOLINT(clang-analyzer-core.uninitialized.Assign)
  BertEncoder encoder;
  EmbeddingTables tables;
  int64_t tasks = 0;  // 0: no embeddings of tasks
};

Result<ErnieConfig> read_config(const Json& json) {
  ConfigReader in(json);
  const BertEncoder encoder = read_bert_encoder(in);
  const bool absolute = encoder.position_kind == Positions::kAbsolute;
  const EmbeddingTables tables{.size = encoder.hidden,
                               .vocabulary = in.size_or("vocab_size", 30522),
                               .token_types = in.size_or("type_vocab_size", 2),
                               .positions = absolute ? encoder.positions : 0};
  const int64_t tasks = in.size_or("task_type_vocab_size", 3);
  const bool by_task = in.flag_or("use_task_id", false);
  ACCEL_TRY(in.status());
  return ErnieConfig{encoder, tables, by_task ? tasks : 0};
}

Result<Facts> facts(const Json& json) {
  ACCEL_ASSIGN(const ErnieConfig config, read_config(json));
  ACCEL_ASSIGN(Facts facts,
               bert_facts(json, config.encoder, config.tables, config.encoder.positions));
  facts.index_limits.emplace_back("task_type_ids", std::max<int64_t>(config.tasks, 1));
  return facts;
}

// --- weight names ------------------------------------------------------------------------------

constexpr std::array<std::string_view, 2> kPrefixes{"", "ernie."};

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
  ACCEL_ASSIGN(const ErnieConfig config, read_config(context.config));
  const BertEncoder& encoder = config.encoder;
  context.weights.choose_prefix(kPrefixes, "embeddings.word_embeddings.weight");
  const Output ids = *context.inputs.take("input_ids");
  const auto mask = additive_mask(context.inputs.take("attention_mask"));
  Output sum = embedding_sum(context, config.tables, ids, positions_of(ids));
  const auto task = context.inputs.take("task_type_ids");  // without embeddings, of no effect
  if (config.tasks > 0) {
    sum = add(sum, embedding(context.weights, "embeddings.task_type_embeddings.weight",
                             task.value_or(integers({0})), config.tasks, encoder.hidden));
  }
  const Output normal =
      layer_norm(context.weights, "embeddings.LayerNorm", sum, encoder.hidden, encoder.epsilon);
  ACCEL_ASSIGN(const Output x, bert_encoder(context, encoder, normal, mask));
  return bert_head(context, encoder, config.tables.vocabulary, x);
}

// --- descriptor --------------------------------------------------------------------------------

constexpr std::array<Architecture, 6> kArchitectures{{
    {"ErnieModel", Head::kBase},
    {"ErnieForMaskedLM", Head::kMaskedLm},
    {"ErnieForSequenceClassification", Head::kSequenceClassification},
    {"ErnieForTokenClassification", Head::kTokenClassification},
    {"ErnieForQuestionAnswering", Head::kQuestionAnswering},
    {"ErnieForMultipleChoice", Head::kMultipleChoice},
}};

const std::array<InputSpec, 5> kInputs{{
    {"input_ids", DType::kI64, {-1, -1}, Needed::kAlways},
    {"attention_mask", DType::kI64, {-1, -1}, Needed::kUsually, "input_ids"},
    {"token_type_ids", DType::kI64, {-1, -1}, Needed::kOnRequest, "input_ids"},
    {"position_ids", DType::kI64, {-1, -1}, Needed::kOnRequest, "input_ids"},
    {"task_type_ids", DType::kI64, {-1, -1}, Needed::kOnRequest, "input_ids"},
}};

}  // namespace
}  // namespace ernie

const Family kErnie{
    .model_type = "ernie",
    .title = "ERNIE",
    .reference = "arXiv:1904.09223",
    .tokenizer = "BertTokenizer",
    .architectures = ernie::kArchitectures,
    .inputs = ernie::kInputs,
    .unused_weights = ernie::kUnused,
    .facts = ernie::facts,
    .build = ernie::build,
};

}  // namespace accel::models
