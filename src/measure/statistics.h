// What a row of measured numbers says. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace accel::measure {

// The nearest-rank percentile: the smallest of the values that at least `percent` per cent of them
// do not exceed. It is always a value that was measured. `sorted` is in rising order; of no values
// it is 0, and 0 per cent gives the least.
double percentile(std::span<const double> sorted, double percent);

struct Summary {
  size_t count = 0;
  double avg = 0;
  double min = 0;
  double max = 0;
  double p50 = 0;  // nearest rank, like the others
  double p90 = 0;
  double p95 = 0;
  double p99 = 0;
};
Summary summarize(std::vector<double> values);

// The middle value; of an even number of values the mean of the two in the middle. 0 of none.
double median(std::vector<double> values);

// How many times `before[i]` is `after[i]`, in the middle of all pairs.
struct RatioInterval {
  double ratio = 0;
  double low = 0;  // of the 95 % interval
  double high = 0;
};

// The median of before[i] / after[i] over pairs measured one right after the other, and its
// percentile bootstrap interval: the medians of kResamples rows drawn from the ratios with
// replacement (Efron 1979), cut at 2.5 and 97.5 per cent. The same numbers and seed give the same
// interval. Spans of equal size; values above 0.
inline constexpr int kResamples = 2000;
RatioInterval paired_ratio(std::span<const double> before, std::span<const double> after,
                           uint64_t seed = 1);

// The same of rows that are no pairs: the ratio of the medians, each row resampled for itself.
RatioInterval unpaired_ratio(std::span<const double> before, std::span<const double> after,
                             uint64_t seed = 1);

}  // namespace accel::measure
