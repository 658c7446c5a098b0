#include "accel/tensor.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>

namespace accel {
namespace {

struct DTypeRow {
  std::string_view name;
  size_t size;
  bool floating;
};

// Indexed by DType.
constexpr std::array<DTypeRow, 15> kDTypes{{
    {"bool", 1, false},
    {"u8", 1, false},
    {"i8", 1, false},
    {"u16", 2, false},
    {"i16", 2, false},
    {"u32", 4, false},
    {"i32", 4, false},
    {"u64", 8, false},
    {"i64", 8, false},
    {"f8_e4m3", 1, true},
    {"f8_e5m2", 1, true},
    {"f16", 2, true},
    {"bf16", 2, true},
    {"f32", 4, true},
    {"f64", 8, true},
}};

const DTypeRow& row_of(DType dtype) { return kDTypes.at(static_cast<size_t>(dtype)); }

constexpr uint64_t kMaxElements = uint64_t{1} << 62;
constexpr size_t kAlignment = 64;  // a cache line, and the widest vector register

}  // namespace

std::string_view to_string(DType dtype) { return row_of(dtype).name; }
size_t size_of(DType dtype) { return row_of(dtype).size; }
bool is_floating(DType dtype) { return row_of(dtype).floating; }
bool is_integer(DType dtype) { return !row_of(dtype).floating; }

std::optional<DType> parse_dtype(std::string_view name) {
  std::string lower(name);
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return std::tolower(c); });
  for (size_t i = 0; i < kDTypes.size(); ++i) {
    if (kDTypes[i].name == lower) return static_cast<DType>(i);
  }
  return std::nullopt;
}

std::string to_string(const Shape& shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) {
    if (i > 0) text += ", ";
    text += shape[i] < 0 ? "?" : std::to_string(shape[i]);
  }
  return text + "]";
}

std::optional<uint64_t> element_count(const Shape& shape) {
  if (std::ranges::any_of(shape, [](int64_t dimension) { return dimension < 0; })) {
    return std::nullopt;
  }
  if (std::ranges::find(shape, 0) != shape.end()) return 0;
  uint64_t count = 1;
  for (const int64_t dimension : shape) {
    if (count > kMaxElements / static_cast<uint64_t>(dimension)) return std::nullopt;
    count *= static_cast<uint64_t>(dimension);
  }
  return count;
}

Tensor Tensor::allocate(DType dtype, Shape shape) {
  const std::optional<uint64_t> count = element_count(shape);
  if (!count) std::abort();  // callers check shapes from outside with element_count()
  Tensor tensor;
  tensor.dtype_ = dtype;
  tensor.shape_ = std::move(shape);
  tensor.count_ = *count;
  const size_t bytes = std::max<size_t>(tensor.byte_size(), 1);
  const size_t rounded = (bytes + kAlignment - 1) / kAlignment * kAlignment;
  std::shared_ptr<void> memory(std::aligned_alloc(kAlignment, rounded), std::free);
  if (!memory) std::abort();
  std::memset(memory.get(), 0, rounded);
  tensor.mutable_ = static_cast<std::byte*>(memory.get());
  tensor.data_ = memory.get();
  tensor.owner_ = std::move(memory);
  return tensor;
}

Tensor Tensor::wrap(DType dtype, Shape shape, const void* data, std::shared_ptr<const void> owner) {
  const std::optional<uint64_t> count = element_count(shape);
  if (!count) std::abort();
  Tensor tensor;
  tensor.dtype_ = dtype;
  tensor.shape_ = std::move(shape);
  tensor.count_ = *count;
  tensor.data_ = data;
  tensor.owner_ = std::move(owner);
  return tensor;
}

Tensor Tensor::reshaped(Shape shape) const {
  if (element_count(shape) != count_) std::abort();
  Tensor tensor = *this;
  tensor.shape_ = std::move(shape);
  return tensor;
}

const Tensor* find(const NamedTensors& tensors, std::string_view name) {
  const auto it = std::ranges::find(tensors, name, &NamedTensor::name);
  return it == tensors.end() ? nullptr : &it->tensor;
}

}  // namespace accel
