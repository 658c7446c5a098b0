#include "measure/statistics.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

namespace accel::measure {
namespace {

std::vector<double> resampled(std::span<const double> values, std::mt19937_64& random) {
  std::vector<double> drawn;
  drawn.reserve(values.size());
  for (size_t i = 0; i < values.size(); ++i) drawn.push_back(values[random() % values.size()]);
  return drawn;
}

RatioInterval interval(double ratio, std::vector<double> medians) {
  std::ranges::sort(medians);
  return {.ratio = ratio, .low = percentile(medians, 2.5), .high = percentile(medians, 97.5)};
}

}  // namespace

double percentile(std::span<const double> sorted, double percent) {
  if (sorted.empty()) return 0;
  // 95 per cent of 20 values is the 19th, though 0.95 * 20 is a little more than 19.
  const double exact = percent * static_cast<double>(sorted.size()) / 100;
  const auto rank = static_cast<size_t>(std::ceil(std::max(exact - 1e-9, 0.0)));
  return sorted[std::clamp<size_t>(rank, 1, sorted.size()) - 1];
}

Summary summarize(std::vector<double> values) {
  if (values.empty()) return {};
  const double sum = std::accumulate(values.begin(), values.end(), 0.0);
  std::ranges::sort(values);
  return {.count = values.size(),
          .avg = sum / static_cast<double>(values.size()),
          .min = values.front(),
          .max = values.back(),
          .p50 = percentile(values, 50),
          .p90 = percentile(values, 90),
          .p95 = percentile(values, 95),
          .p99 = percentile(values, 99)};
}

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  if (values.size() % 2 == 1) return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

RatioInterval paired_ratio(std::span<const double> before, std::span<const double> after,
                           uint64_t seed) {
  std::vector<double> ratios;
  for (size_t i = 0; i < before.size(); ++i) ratios.push_back(before[i] / after[i]);
  if (ratios.empty()) return {};
  std::mt19937_64 random(seed);
  std::vector<double> medians;
  for (int i = 0; i < kResamples; ++i) medians.push_back(median(resampled(ratios, random)));
  return interval(median(ratios), std::move(medians));
}

RatioInterval unpaired_ratio(std::span<const double> before, std::span<const double> after,
                             uint64_t seed) {
  if (before.empty() || after.empty()) return {};
  std::mt19937_64 random(seed);
  std::vector<double> medians;
  for (int i = 0; i < kResamples; ++i) {
    const double above = median(resampled(before, random));
    medians.push_back(above / median(resampled(after, random)));
  }
  const double above = median({before.begin(), before.end()});
  return interval(above / median({after.begin(), after.end()}), std::move(medians));
}

}  // namespace accel::measure
