// Logits to scores and names: pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "accel/status.h"
#include "accel/task.h"

namespace accel::pipelines {

std::vector<double> softmax(std::span<const float> logits);
double sigmoid(double x);

enum class ScoreFunction : uint8_t { kSoftmax, kSigmoid, kNone };

// What `wanted` names; unset: what config.json's "problem_type" or else the number of labels says.
// INVALID_ARGUMENT lists the names.
Result<ScoreFunction> score_function(const std::optional<std::string>& wanted,
                                     std::string_view problem_type, size_t labels);
std::vector<double> scores_of(std::span<const float> logits, ScoreFunction function);

// The best `count` (0: all), of equal scores the earlier one first. NaN is worse than all.
std::vector<size_t> best(std::span<const double> scores, int64_t count);

// The best `count` with their names. INVALID_ARGUMENT when there are more scores than names.
Result<Labels> name_best(std::span<const double> scores, std::span<const std::string> names,
                         int64_t count);

}  // namespace accel::pipelines
