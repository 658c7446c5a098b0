#include "measure/predictor.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "base/try.h"
#include "measure/statistics.h"

namespace accel::measure {
namespace {

// ms = once + each * items; neither is below 0.
struct CostLine {
  double once = 0;
  double each = 0;
  double at(double items) const { return once + each * items; }
};

// Least squares of (line - ms) / ms, so that a small batch counts as much as a large one.
CostLine fitted(std::span<const BatchTime> times) {
  double w = 0;
  double wx = 0;
  double wxx = 0;
  double wy = 0;
  double wxy = 0;
  for (const BatchTime& time : times) {
    const double weight = 1 / (time.ms * time.ms);
    w += weight;
    wx += weight * time.items;
    wxx += weight * time.items * time.items;
    wy += weight * time.ms;
    wxy += weight * time.items * time.ms;
  }
  const double determinant = w * wxx - wx * wx;
  CostLine line{.once = (wy * wxx - wx * wxy) / determinant,
                .each = (w * wxy - wx * wy) / determinant};
  if (line.once < 0) return {.once = 0, .each = wxy / wxx};
  if (line.each < 0) return {.once = wy / w, .each = 0};
  return line;
}

double largest_error(const CostLine& line, std::span<const BatchTime> times) {
  double error = 0;
  for (const BatchTime& time : times) {
    error = std::max(error, std::abs(line.at(time.items) - time.ms) / time.ms);
  }
  return error;
}

// The two of rising `times` between which `items` lies, or that lie nearest.
std::span<const BatchTime> neighbours(std::span<const BatchTime> times, double items) {
  const auto above = std::ranges::lower_bound(times, items, {}, &BatchTime::items);
  const auto last = std::clamp<ptrdiff_t>(above - times.begin(), 1, std::ssize(times) - 1);
  return times.subspan(static_cast<size_t>(last - 1), 2);
}

Status check_times(std::span<const BatchTime> times, double items) {
  for (const BatchTime& time : times) {
    if (time.items > 0 && time.ms > 0 && std::isfinite(time.items) && std::isfinite(time.ms)) {
      continue;
    }
    return invalid_argument(fmt::format("expected sizes and times above 0, found {} items in {} ms",
                                        time.items, time.ms));
  }
  if (items > 0 && std::isfinite(items)) return {};
  return invalid_argument(fmt::format("expected a size above 0, found {}", items));
}

}  // namespace

std::string_view to_string(PredictedBy way) {
  return way == PredictedBy::kLine ? "line" : "neighbours";
}

std::vector<BatchTime> medians_of(std::span<const BatchTime> times) {
  std::map<double, std::vector<double>> by_size;
  for (const BatchTime& time : times) by_size[time.items].push_back(time.ms);
  std::vector<BatchTime> medians;
  for (const auto& [items, ms] : by_size) medians.push_back({items, median(ms)});
  return medians;
}

Result<Prediction> predict(std::span<const BatchTime> times, double items) {
  ACCEL_TRY(check_times(times, items));
  const std::vector<BatchTime> known = medians_of(times);
  if (known.size() < 2) {
    return failed_precondition(fmt::format(
        "expected times of at least two batch sizes, found {}; measure another", known.size()));
  }
  const double least = known.front().items;
  const double most = known.back().items;
  if (items * kBeyondMax < least || items > most * kBeyondMax) {
    return Status(StatusCode::kOutOfRange,
                  fmt::format("{0} items are too far from the measured {1} to {2}: expected {3:g} "
                              "to {4:g}; measure a size nearer to it",
                              items, least, most, least / kBeyondMax, most * kBeyondMax));
  }
  const CostLine line = fitted(known);
  Prediction prediction{.ms = line.at(items), .line_error = largest_error(line, known)};
  if (prediction.line_error <= kLineErrorMax) return prediction;
  const std::span<const BatchTime> near = neighbours(known, items);
  const double slope = std::max(0.0, (near[1].ms - near[0].ms) / (near[1].items - near[0].items));
  const bool between = near[0].items <= items && items <= near[1].items;
  prediction.by = PredictedBy::kNeighbours;
  if (between) {
    const double share = (items - near[0].items) / (near[1].items - near[0].items);
    prediction.ms = std::lerp(near[0].ms, near[1].ms, share);
  } else if (items > near[1].items) {
    prediction.ms = near[1].ms + slope * (items - near[1].items);
  } else {
    // No batch takes less than its share of the smallest one.
    prediction.ms =
        std::max(near[0].ms - slope * (near[0].items - items), near[0].ms * items / near[0].items);
  }
  return prediction;
}

HeldOut hold_out(std::span<const BatchTime> times, const BatchTime& measured) {
  std::vector<BatchTime> others;
  for (const BatchTime& time : times) {
    if (time.items != measured.items) others.push_back(time);
  }
  HeldOut held{.measured = measured, .predicted = predict(others, measured.items)};
  if (held.predicted.ok()) held.error = held.predicted->ms / measured.ms - 1;
  return held;
}

}  // namespace accel::measure
