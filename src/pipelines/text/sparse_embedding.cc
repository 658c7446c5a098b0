// sparse-embedding: the words of the vocabulary that a text means, with weights (SPLADE, Formal et
// al., arXiv:2109.10086). The graph pools the logits of a masked language model.
#include <algorithm>

#include "base/try.h"
#include "pipelines/scores.h"
#include "pipelines/text/text_tasks.h"
#include "pipelines/text/token_rows.h"

namespace accel::pipelines {
namespace {

// The words that weigh anything, the heaviest first; `top` of them, or all for 0.
SparseEmbedding words_of(const text::Tokenizer& tokenizer, std::span<const float> weights,
                         int64_t top) {
  std::vector<double> positive;
  std::vector<int64_t> tokens;
  for (size_t token = 0; token < weights.size(); ++token) {
    if (!(weights[token] > 0)) continue;
    positive.push_back(weights[token]);
    tokens.push_back(static_cast<int64_t>(token));
  }
  SparseEmbedding words;
  for (const size_t i : best(positive, top)) {
    const auto id = static_cast<int32_t>(tokens[i]);
    words.push_back({tokens[i], tokenizer.id_to_token(id).value_or(""), positive[i]});
  }
  return words;
}

}  // namespace

Result<Prepared> prepare_sparse_embedding(const TaskModel& model, const TaskInput& input,
                                          const TaskOptions& options) {
  ACCEL_ASSIGN(TextRow text, prompted_row(model, input, options));
  Prepared prepared;
  prepared.rows.push_back(std::move(text.row));
  prepared.finish =
      [tokenizer = model.tokenizer, top = options.top_k.value_or(0),
       truncated = text.truncated](std::span<const NamedTensors> outputs) -> Result<TaskResult> {
    const auto weights = outputs[0].front().tensor.data<float>();
    return TaskResult{.answer = words_of(*tokenizer, weights, top), .truncated = truncated};
  };
  return prepared;
}

}  // namespace accel::pipelines
