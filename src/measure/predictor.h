// How long a batch of a size that was not measured would take, by those that were. Pure.
//
// A batch costs something once (handing over, reading the weights) and something for each item, so
// the time is taken for a line over the size, fitted to the medians by least squares of relative
// errors. Where a model does not behave so, for a cache that becomes too small or threads that
// begin to help, the line misses what was measured; then the neighbours on both sides decide.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "accel/status.h"

namespace accel::measure {

// A batch of `items` once took `ms`. Of several times of one size the median counts.
struct BatchTime {
  double items = 1;
  double ms = 0;
  bool operator==(const BatchTime&) const = default;
};

enum class PredictedBy : uint8_t {
  kLine,       // through all sizes: it is off by at most kLineErrorMax at each
  kNeighbours  // through the two nearest sizes, on both sides where there are
};
std::string_view to_string(PredictedBy way);  // "line", "neighbours"

inline constexpr double kLineErrorMax = 0.1;
// A size may be so many times smaller or larger than the measured ones.
inline constexpr double kBeyondMax = 4;

struct Prediction {
  double ms = 0;
  PredictedBy by = PredictedBy::kLine;
  // Of the line at the measured sizes, the largest relative one: how well they bear it out.
  double line_error = 0;
};

// The times of each size as one, their median, in the order of the sizes.
std::vector<BatchTime> medians_of(std::span<const BatchTime> times);

// FAILED_PRECONDITION for times of fewer than two sizes, OUT_OF_RANGE for a size that lies further
// beyond them than kBeyondMax, INVALID_ARGUMENT for sizes and times that are not above 0.
Result<Prediction> predict(std::span<const BatchTime> times, double items);

// By all other sizes, as if this one had not been measured; `predicted` has the reason where they
// do not tell.
struct HeldOut {
  BatchTime measured;
  Result<Prediction> predicted;
  // predicted by measured, less 1; 0 without a prediction.
  double error = 0;
};
HeldOut hold_out(std::span<const BatchTime> times, const BatchTime& measured);

}  // namespace accel::measure
