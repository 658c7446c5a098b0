#include "measure/difference.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/try.h"

namespace accel::measure {
namespace {

bool is_label(const Json& one) {
  return one.is_object() && one.size() == 2 && one.contains("label") && one.contains("score");
}

void take_apart(const Json& json, Answer& answer) {
  if (json.is_number()) {
    answer.numbers.push_back(json.get<double>());
  } else if (json.is_array()) {
    std::vector<const Json*> parts;
    for (const Json& one : json) parts.push_back(&one);
    if (std::ranges::all_of(json, is_label)) {
      std::ranges::stable_sort(
          parts, [](const Json* a, const Json* b) { return (*a)["label"] < (*b)["label"]; });
    }
    answer.words += '[';
    for (const Json* part : parts) take_apart(*part, answer);
    answer.words += ']';
  } else if (json.is_object()) {
    for (const auto& [name, value] : json.items()) {
      answer.words += name + ':';
      take_apart(value, answer);
    }
  } else {
    answer.words += json.dump(-1, ' ', false, Json::error_handler_t::replace) + ',';
  }
}

// 1 where neither has a length, or there is nothing but a length.
double cosine_of(std::span<const double> a, std::span<const double> b) {
  if (a.size() < 2) return 1;
  double dot = 0;
  double length_a = 0;
  double length_b = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    dot += a[i] * b[i];
    length_a += a[i] * a[i];
    length_b += b[i] * b[i];
  }
  if (length_a == 0 && length_b == 0) return 1;
  if (length_a == 0 || length_b == 0) return 0;
  return std::min(1.0, dot / std::sqrt(length_a) / std::sqrt(length_b));
}

int bits_of(Precision precision) {
  switch (precision) {
    case Precision::kF32: return 24;
    case Precision::kF16: return 11;
    default: return 8;
  }
}

}  // namespace

Answer answer_of(const TaskResult& result) {
  Answer answer;
  const Result<Json> json = parse_json(to_json(result));
  if (json.ok()) take_apart(*json, answer);
  return answer;
}

Result<std::vector<Answer>> embedded_answers(Model& model, const EmbedOptions& options,
                                             std::span<const TaskInput> items) {
  std::vector<std::string> texts;
  for (const TaskInput& item : items) texts.push_back(item.text);
  ACCEL_ASSIGN(const EmbedResult result, model.embed(texts, options));
  const std::span<const float> numbers = result.embeddings.data<float>();
  const size_t size = texts.empty() ? 0 : numbers.size() / texts.size();
  std::vector<Answer> answers(texts.size());
  for (size_t i = 0; i < answers.size(); ++i) {
    const auto row = numbers.subspan(i * size, size);
    answers[i].numbers.assign(row.begin(), row.end());
  }
  return answers;
}

Result<std::vector<Answer>> run_answers(Model& model, const RunOptions& options,
                                        std::span<const TaskInput> items) {
  ACCEL_ASSIGN(const RunResult result, model.run({items.begin(), items.end()}, options));
  std::vector<Answer> answers;
  for (const Result<TaskResult>& item : result.items) {
    ACCEL_TRY(item.status());
    answers.push_back(answer_of(*item));
  }
  return answers;
}

Difference difference_of(std::span<const Answer> first, std::span<const Answer> second) {
  Difference difference{.items = first.size()};
  double largest = 0;
  for (size_t i = 0; i < first.size(); ++i) {
    const Answer& a = first[i];
    const Answer& b = second[i];
    difference.words_differ += a.words == b.words ? 0 : 1;
    if (a.numbers.size() != b.numbers.size()) {
      ++difference.counts_differ;
      continue;
    }
    for (size_t n = 0; n < a.numbers.size(); ++n) {
      const double apart = std::abs(a.numbers[n] - b.numbers[n]);
      // Both may be no numbers in the same place; one alone is as far as it gets.
      const bool same = a.numbers[n] == b.numbers[n];
      if (!same)
        difference.max_abs = std::max(difference.max_abs, std::isfinite(apart) ? apart : HUGE_VAL);
      largest = std::max(largest, std::abs(a.numbers[n]));
    }
    difference.cosine = std::min(difference.cosine, cosine_of(a.numbers, b.numbers));
  }
  if (difference.max_abs > 0) difference.relative = difference.max_abs / std::max(largest, 1e-30);
  return difference;
}

Bound bound_of(Precision first, Precision second) {
  const int bits = std::min(bits_of(first), bits_of(second));
  if (bits >= 24) return {.relative = 1e-3, .cosine = 0.99999};
  if (bits >= 11) return {.relative = 2e-2, .cosine = 0.9999};
  return {.relative = 1e-1, .cosine = 0.999};
}

bool within(const Difference& difference, const Bound& bound) {
  return difference.words_differ == 0 && difference.counts_differ == 0 &&
         difference.relative <= bound.relative && difference.cosine >= bound.cosine;
}

}  // namespace accel::measure
