// zero-shot-classification: which of the user's own labels fit a text, asked of a model of natural
// language inference: does the text entail "This example is LABEL."? (Yin et al. 2019,
// arXiv:1909.00161)
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "base/try.h"
#include "pipelines/labels.h"
#include "pipelines/text/text_tasks.h"
#include "pipelines/text/token_rows.h"

namespace accel::pipelines {
namespace {

Result<size_t> entailment(const std::vector<std::string>& labels) {
  for (size_t i = 0; i < labels.size(); ++i) {
    std::string lower = labels[i];
    std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return std::tolower(c); });
    if (lower.starts_with("entail")) return i;
  }
  return failed_precondition(
      "zero-shot-classification: expected a model of natural language inference, one of whose "
      "labels (config.json's id2label) begins with 'entail'; found none");
}

}  // namespace

Result<Prepared> prepare_zero_shot_classification(const TaskModel& model, const TaskInput& input,
                                                  const TaskOptions& options) {
  ACCEL_ASSIGN(const size_t entails, entailment(model.labels));
  const std::string sentence = options.hypothesis.value_or("This example is {}.");
  Prepared prepared;
  bool truncated = false;
  for (const std::string& label : input.choices) {
    ACCEL_ASSIGN(const std::string hypothesis, hypothesis_of(sentence, label));
    ACCEL_ASSIGN(const text::Encoding encoding,
                 encode_pair(model, {input.text, hypothesis},
                             {.strategy = text::TruncationStrategy::kOnlyFirst}));
    truncated = truncated || encoding.truncated;
    prepared.rows.push_back(token_row(model, encoding));
  }
  const bool each = options.multi_label.value_or(false) || input.choices.size() == 1;
  prepared.finish =
      [entails, each, truncated, top = options.top_k.value_or(0), text = input.text,
       labels = input.choices](std::span<const NamedTensors> outputs) -> Result<TaskResult> {
    std::vector<float> entailed;
    std::vector<double> scores;
    for (const NamedTensors& output : outputs) {
      const auto logits = find(output, "logits")->data<float>();
      const float contradicted = entails == 0 ? logits.back() : logits.front();
      entailed.push_back(logits[entails]);
      scores.push_back(softmax(std::array{contradicted, logits[entails]})[1]);
    }
    if (!each) scores = softmax(entailed);
    ACCEL_ASSIGN(Labels named, name_best(scores, labels, top));
    return TaskResult{.answer = CandidateLabels{text, std::move(named)}, .truncated = truncated};
  };
  return prepared;
}

}  // namespace accel::pipelines
