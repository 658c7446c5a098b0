#include "pipelines/scores.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace accel::pipelines {

std::vector<double> softmax(std::span<const float> logits) {
  std::vector<double> scores(logits.begin(), logits.end());
  if (scores.empty()) return scores;
  const double most = *std::ranges::max_element(scores);
  double sum = 0;
  for (double& score : scores) sum += score = std::exp(score - most);
  for (double& score : scores) score /= sum;
  return scores;
}

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

Result<ScoreFunction> score_function(const std::optional<std::string>& wanted,
                                     std::string_view problem_type, size_t labels) {
  if (wanted) {
    if (*wanted == "softmax") return ScoreFunction::kSoftmax;
    if (*wanted == "sigmoid") return ScoreFunction::kSigmoid;
    if (*wanted == "none") return ScoreFunction::kNone;
    return invalid_argument(
        fmt::format("function: expected softmax, sigmoid or none, found '{}'", *wanted));
  }
  if (problem_type == "regression") return ScoreFunction::kNone;
  if (problem_type == "multi_label_classification" || labels == 1) return ScoreFunction::kSigmoid;
  return ScoreFunction::kSoftmax;
}

std::vector<double> scores_of(std::span<const float> logits, ScoreFunction function) {
  if (function == ScoreFunction::kSoftmax) return softmax(logits);
  std::vector<double> scores(logits.begin(), logits.end());
  if (function == ScoreFunction::kSigmoid) std::ranges::transform(scores, scores.begin(), sigmoid);
  return scores;
}

std::vector<size_t> best(std::span<const double> scores, int64_t count) {
  std::vector<size_t> order(scores.size());
  std::iota(order.begin(), order.end(), size_t{0});
  const size_t kept = count > 0 ? std::min(static_cast<size_t>(count), order.size()) : order.size();
  const auto better = [&](size_t a, size_t b) {
    const double least = -std::numeric_limits<double>::infinity();
    const double x = std::isnan(scores[a]) ? least : scores[a];
    const double y = std::isnan(scores[b]) ? least : scores[b];
    return x != y ? x > y : a < b;
  };
  std::ranges::partial_sort(order, order.begin() + static_cast<std::ptrdiff_t>(kept), better);
  order.resize(kept);
  return order;
}

Result<Labels> name_best(std::span<const double> scores, std::span<const std::string> names,
                         int64_t count) {
  if (scores.size() > names.size()) {
    return invalid_argument(
        fmt::format("the model gives {} scores and config.json's id2label has {} names; give every "
                    "label a name there",
                    scores.size(), names.size()));
  }
  Labels labels;
  for (const size_t i : best(scores, count)) labels.push_back({names[i], scores[i]});
  return labels;
}

}  // namespace accel::pipelines
