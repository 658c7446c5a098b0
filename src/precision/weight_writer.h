// Writes the bytes of one weight after another, in the format that was planned for each, in slices:
// whatever a weight's size, memory holds a few MiB of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "accel/status.h"
#include "backend/placed_constant.h"
#include "precision/weight_plan.h"

namespace accel::precision {

// Where the bytes go, one after the other.
class WeightSink {
 public:
  virtual ~WeightSink() = default;
  virtual Status append(std::span<const std::byte> bytes) = 0;
  virtual uint64_t position() const = 0;
  // Forgets what was appended from `position` on.
  virtual Status rewind(uint64_t position) = 0;
};

struct PlacedTensor {
  ov::element::Type type;
  ov::Shape shape;
  backend::Place place;
};

// A weight in the sink.
struct WrittenWeight {
  WeightFormat format = WeightFormat::kAsStored;  // which may be wider than what was planned
  PlacedTensor values;
  std::optional<PlacedTensor> zeros;   // of asymmetric integers
  std::optional<PlacedTensor> scales;  // of integers
  uint64_t bytes = 0;                  // all of it, alignment not counted
};

// Appends the weight at an aligned place. A weight of f32 with numbers too large for f16 stays f32;
// scales too small for f16 are f32. DATA_LOSS for a weight with a NaN or an infinity that shall
// become integers; else the sink's errors. Uses all threads of the process for large ones.
Result<WrittenWeight> write_weight(const PlannedWeight& weight, const CompressionOptions& options,
                                   WeightSink& sink);

// The numbers [begin, begin + out.size()) of a constant of f32, f16 or bf16.
void read_numbers(const ov::op::v0::Constant& constant, size_t begin, std::span<float> out);

}  // namespace accel::precision
