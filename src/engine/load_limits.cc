#include "engine/load_limits.h"

#include <fmt/format.h>

#include "engine/local_manager.h"

namespace accel::engine {

Result<uint64_t> admitted_bytes(const ModelReport& report, const MemoryBound& bound) {
  const uint64_t bytes = memory_needed(report, bound.precision) * bound.copies;
  if (bound.bytes_max == 0 || bytes <= bound.bytes_max) return bytes;
  const bool narrow = bound.precision == Precision::kF16 || bound.precision == Precision::kBF16;
  return resource_exhausted(fmt::format(
      "{}: its weights take {} bytes in {}{}, the memory limit is {}; raise the limit{}, or take a "
      "smaller model",
      report.path, bytes, to_string(bound.precision),
      bound.copies > 1 ? fmt::format(" on {} devices", bound.copies) : "", bound.bytes_max,
      narrow ? "" : ", run it in f16 or bf16"));
}

}  // namespace accel::engine
