// text-ranking: documents by how well they answer a query, each read together with it (a
// cross-encoder).
#include <fmt/format.h>

#include "base/try.h"
#include "pipelines/scores.h"
#include "pipelines/text/text_tasks.h"
#include "pipelines/text/token_rows.h"

namespace accel::pipelines {

Result<Prepared> prepare_text_ranking(const TaskModel& model, const TaskInput& input,
                                      const TaskOptions& options) {
  ACCEL_ASSIGN(const ScoreFunction function, score_function(options.function, {}, 1));
  Prepared prepared;
  bool truncated = false;
  for (const std::string& document : input.choices) {
    ACCEL_ASSIGN(const text::Encoding encoding, encode_pair(model, {input.text, document}));
    truncated = truncated || encoding.truncated;
    prepared.rows.push_back(token_row(model, encoding));
  }
  prepared.finish =
      [function, truncated, top = options.top_k.value_or(0),
       documents = input.choices](std::span<const NamedTensors> outputs) -> Result<TaskResult> {
    std::vector<float> logits;
    for (const NamedTensors& output : outputs) {
      const auto row = find(output, "logits")->data<float>();
      if (row.size() != 1) {
        return failed_precondition(
            fmt::format("text-ranking: expected a model with one score per pair, found {}; it "
                        "classifies: use text-classification",
                        row.size()));
      }
      logits.push_back(row[0]);
    }
    const std::vector<double> scores = scores_of(logits, function);
    Ranking ranking;
    for (const size_t i : best(scores, top)) {
      ranking.push_back({static_cast<int64_t>(i), scores[i], documents[i]});
    }
    return TaskResult{.answer = std::move(ranking), .truncated = truncated};
  };
  return prepared;
}

}  // namespace accel::pipelines
