#include "tensors/convert.h"

#include <fmt/format.h>

#include <cmath>
#include <concepts>
#include <cstring>
#include <string>
#include <type_traits>
#include <utility>

#include "base/small_float.h"

namespace accel::tensors {
namespace {

// How elements of one type are read and written. load() yields the value in a type that holds it
// exactly: int64_t, uint64_t or double. store() says whether the value could be kept.
template <class T>
struct Integer {
  using Storage = T;
  using Wide = std::conditional_t<std::is_same_v<T, uint64_t>, uint64_t, int64_t>;
  static Wide load(T stored) { return stored; }
  static bool store(std::integral auto value, T& out) {
    out = static_cast<T>(value);
    return std::in_range<T>(value);
  }
  static bool store(double value, T& out) {
    // Both bounds are powers of two (or 0), so exact in a double; NaN fails each comparison.
    constexpr auto kMin = static_cast<double>(std::numeric_limits<T>::min());
    const double past = std::ldexp(1.0, std::numeric_limits<T>::digits);
    if (!(value >= kMin && value < past) || value != std::trunc(value)) return false;
    out = static_cast<T>(value);
    return true;
  }
};

struct Bool {
  using Storage = uint8_t;
  static int64_t load(uint8_t stored) { return stored != 0; }
  static bool store(auto value, uint8_t& out) {
    out = value == 1;
    return value == 0 || value == 1;
  }
};

template <class Format>
struct Floating {
  using Storage = typename Format::Storage;
  static double load(Storage stored) { return Format::decode(stored); }
  static bool store(double value, Storage& out) {
    out = Format::encode(value);
    return true;
  }
  static bool store(std::integral auto value, Storage& out) {
    out = Format::encode(static_cast<double>(value));
    const double kept = Format::decode(out);
    // __int128 holds every finite value that a rounded 64-bit integer can have.
    return std::isfinite(kept) && static_cast<__int128>(kept) == static_cast<__int128>(value);
  }
};

template <class T>
struct Ieee {
  using Storage = T;
  static double decode(T stored) { return stored; }
  static T encode(double value) { return static_cast<T>(value); }
};

template <class F>
auto with_codec(DType dtype, F&& action) {
  switch (dtype) {
    case DType::kBool: return action(Bool{});
    case DType::kU8: return action(Integer<uint8_t>{});
    case DType::kI8: return action(Integer<int8_t>{});
    case DType::kU16: return action(Integer<uint16_t>{});
    case DType::kI16: return action(Integer<int16_t>{});
    case DType::kU32: return action(Integer<uint32_t>{});
    case DType::kI32: return action(Integer<int32_t>{});
    case DType::kU64: return action(Integer<uint64_t>{});
    case DType::kI64: return action(Integer<int64_t>{});
    case DType::kF8E4M3: return action(Floating<F8E4M3>{});
    case DType::kF8E5M2: return action(Floating<F8E5M2>{});
    case DType::kF16: return action(Floating<F16>{});
    case DType::kBF16: return action(Floating<BF16>{});
    case DType::kF32: return action(Floating<Ieee<float>>{});
    case DType::kF64: break;
  }
  return action(Floating<Ieee<double>>{});
}

std::string index_text(uint64_t flat, const Shape& shape) {
  Shape index(shape.size());
  for (size_t i = shape.size(); i-- > 0;) {
    index[i] = static_cast<int64_t>(flat % static_cast<uint64_t>(shape[i]));
    flat /= static_cast<uint64_t>(shape[i]);
  }
  return to_string(index);
}

// Elements are copied out and in by memcpy: a tensor of a mapped file need not be aligned.
template <class From, class To>
Status convert_all(const Tensor& tensor, DType to, std::byte* out) {
  using In = typename From::Storage;
  using Out = typename To::Storage;
  const std::byte* in = tensor.bytes().data();
  for (uint64_t i = 0; i < tensor.count(); ++i) {
    In stored;
    std::memcpy(&stored, in + i * sizeof(In), sizeof(In));
    const auto value = From::load(stored);
    Out converted{};
    if (!To::store(value, converted)) {
      return out_of_range(fmt::format(
          "converting {} to {}: the value {} at index {} cannot be kept exactly",
          to_string(tensor.dtype()), to_string(to), value, index_text(i, tensor.shape())));
    }
    std::memcpy(out + i * sizeof(Out), &converted, sizeof(Out));
  }
  return {};
}

}  // namespace

Result<Tensor> convert_dtype(const Tensor& tensor, DType to) {
  if (tensor.dtype() == to) return tensor;
  Tensor converted = Tensor::allocate(to, tensor.shape());
  std::byte* out = converted.mutable_data();
  const Status status = with_codec(tensor.dtype(), [&](auto from) {
    return with_codec(to, [&](auto target) {
      return convert_all<decltype(from), decltype(target)>(tensor, to, out);
    });
  });
  if (!status.ok()) return status;
  return converted;
}

}  // namespace accel::tensors
