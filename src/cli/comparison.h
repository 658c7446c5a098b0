// What the two ways of comparing share: two settings that are run, and two result files.
#pragma once

#include <optional>
#include <string>

#include "accel/status.h"
#include "measure/statistics.h"

namespace accel::cli {

struct ComparisonFlags {
  std::string first_path;  // of result files
  std::string second_path;
  std::optional<double> expected;  // the least ratio
  bool json = false;
};

// "reference: 2.145s", "openvino: 0.823s", "Speedup: 2.61x (95 %: 2.48 to 2.70)", on three lines.
struct ComparedTimes {
  std::string first;
  std::string second;
  double first_s = 0;
  double second_s = 0;
  measure::RatioInterval ratio;
};
std::string times_text(const ComparedTimes& times);

// FAILED_PRECONDITION where the ratio is below what was expected.
Status check_expected(const ComparedTimes& times, std::optional<double> expected);

Status compare_files(const ComparisonFlags& flags);

}  // namespace accel::cli
