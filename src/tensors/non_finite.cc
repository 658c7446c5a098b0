#include "tensors/non_finite.h"

#include <span>

namespace accel::tensors {
namespace {

// kMagnitude: all bits but the sign's. kInfinity: the pattern of infinity; those above are NaN.
// Without an infinity, as f8_e4m3 is, that is a pattern that does not occur.
template <class Bits, Bits kMagnitude, Bits kInfinity, bool kHasInfinity = true>
NonFinite count(std::span<const Bits> stored) {
  NonFinite found;
  for (const Bits bits : stored) {
    const Bits magnitude = bits & kMagnitude;
    found.nan += kHasInfinity ? magnitude > kInfinity : magnitude == kMagnitude;
    found.infinite += kHasInfinity && magnitude == kInfinity;
  }
  return found;
}

}  // namespace

NonFinite count_non_finite(const Tensor& tensor) {
  switch (tensor.dtype()) {
    case DType::kF8E4M3: return count<uint8_t, 0x7F, 0x7F, false>(tensor.data<uint8_t>());
    case DType::kF8E5M2: return count<uint8_t, 0x7F, 0x7C>(tensor.data<uint8_t>());
    case DType::kF16: return count<uint16_t, 0x7FFF, 0x7C00>(tensor.data<uint16_t>());
    case DType::kBF16: return count<uint16_t, 0x7FFF, 0x7F80>(tensor.data<uint16_t>());
    case DType::kF32: return count<uint32_t, 0x7FFFFFFF, 0x7F800000>(tensor.data<uint32_t>());
    case DType::kF64:
      return count<uint64_t, 0x7FFFFFFFFFFFFFFF, 0x7FF0000000000000>(tensor.data<uint64_t>());
    default: return {};
  }
}

}  // namespace accel::tensors
