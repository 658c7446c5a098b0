// Tensor: a typed, shaped view of shared bytes; the only form in which numbers enter or leave
// accel.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "accel/status.h"

namespace accel {

// Element types. Names are those of the safetensors format in lower case ("f32", "bf16", "bool").
enum class DType : uint8_t {
  kBool,
  kU8,
  kI8,
  kU16,
  kI16,
  kU32,
  kI32,
  kU64,
  kI64,
  kF8E4M3,
  kF8E5M2,
  kF16,
  kBF16,
  kF32,
  kF64,
};

ACCEL_API std::string_view to_string(DType dtype);
ACCEL_API std::optional<DType> parse_dtype(std::string_view name);  // any case: "F32", "f32"
ACCEL_API size_t size_of(DType dtype);                              // bytes of one element
ACCEL_API bool is_integer(DType dtype);                             // bool and the u/i types
ACCEL_API bool is_floating(DType dtype);

using Shape = std::vector<int64_t>;  // outermost first; {} is a scalar

ACCEL_API std::string to_string(const Shape& shape);  // "[2, 384]"

// Number of elements, or nullopt when a dimension is negative or the product exceeds 2^62.
ACCEL_API std::optional<uint64_t> element_count(const Shape& shape);

// A dense row-major tensor. A value: copying shares the bytes, which nobody may change once they
// are shared. Safe to read from several threads.
class ACCEL_API Tensor {
 public:
  Tensor() = default;  // f32, shape [0]

  // Zero-filled memory of its own (64-byte aligned), writable through mutable_data().
  static Tensor allocate(DType dtype, Shape shape);

  // A view of `data`, kept alive by `owner` (a mapped file, an engine's tensor). No copy. `data`
  // holds at least element_count(shape) * size_of(dtype) bytes.
  static Tensor wrap(DType dtype, Shape shape, const void* data, std::shared_ptr<const void> owner);

  // Copies `values`, whose count must equal element_count(shape).
  template <class T>
  static Tensor from(Shape shape, std::span<const T> values);

  DType dtype() const { return dtype_; }
  const Shape& shape() const { return shape_; }
  uint64_t count() const { return count_; }
  size_t byte_size() const { return count_ * size_of(dtype_); }

  std::span<const std::byte> bytes() const {
    return {static_cast<const std::byte*>(data_), byte_size()};
  }
  template <class T>
  std::span<const T> data() const {
    return {static_cast<const T*>(data_), static_cast<size_t>(count_)};
  }
  // Only for the tensor's maker, before it is shared; null for wrapped tensors.
  std::byte* mutable_data() { return mutable_; }

  // The same bytes under another shape of equal count.
  Tensor reshaped(Shape shape) const;

 private:
  DType dtype_ = DType::kF32;
  Shape shape_{0};
  uint64_t count_ = 0;
  const void* data_ = nullptr;
  std::byte* mutable_ = nullptr;
  std::shared_ptr<const void> owner_;
};

struct NamedTensor {
  std::string name;
  Tensor tensor;
};
using NamedTensors = std::vector<NamedTensor>;

// The tensor called `name`, or null.
ACCEL_API const Tensor* find(const NamedTensors& tensors, std::string_view name);

template <class T>
constexpr DType dtype_of() {
  if constexpr (std::is_same_v<T, float>) return DType::kF32;
  else if constexpr (std::is_same_v<T, double>) return DType::kF64;
  else if constexpr (std::is_same_v<T, int64_t>) return DType::kI64;
  else if constexpr (std::is_same_v<T, int32_t>) return DType::kI32;
  else if constexpr (std::is_same_v<T, uint8_t>) return DType::kU8;
  else {
    static_assert(std::is_same_v<T, int8_t>, "no DType for this C++ type");
    return DType::kI8;
  }
}

template <class T>
Tensor Tensor::from(Shape shape, std::span<const T> values) {
  Tensor tensor = allocate(dtype_of<T>(), std::move(shape));
  if (tensor.count() != values.size()) std::abort();
  T* out = reinterpret_cast<T*>(tensor.mutable_data());
  for (size_t i = 0; i < values.size(); ++i) out[i] = values[i];
  return tensor;
}

}  // namespace accel
