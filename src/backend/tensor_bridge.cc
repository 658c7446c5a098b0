#include "backend/tensor_bridge.h"

#include <array>
#include <utility>

namespace accel::backend {
namespace {

const std::array<std::pair<DType, ov::element::Type>, 15> kTypes{{
    {DType::kBool, ov::element::boolean},
    {DType::kU8, ov::element::u8},
    {DType::kI8, ov::element::i8},
    {DType::kU16, ov::element::u16},
    {DType::kI16, ov::element::i16},
    {DType::kU32, ov::element::u32},
    {DType::kI32, ov::element::i32},
    {DType::kU64, ov::element::u64},
    {DType::kI64, ov::element::i64},
    {DType::kF8E4M3, ov::element::f8e4m3},
    {DType::kF8E5M2, ov::element::f8e5m2},
    {DType::kF16, ov::element::f16},
    {DType::kBF16, ov::element::bf16},
    {DType::kF32, ov::element::f32},
    {DType::kF64, ov::element::f64},
}};

}  // namespace

std::optional<DType> dtype_of_element(const ov::element::Type& type) {
  for (const auto& [dtype, element] : kTypes) {
    if (element == type) return dtype;
  }
  return std::nullopt;
}

ov::element::Type element_of_dtype(DType dtype) {
  return kTypes.at(static_cast<size_t>(dtype)).second;
}

ov::Tensor view_as_engine_tensor(const Tensor& tensor) {
  const ov::Shape shape(tensor.shape().begin(), tensor.shape().end());
  // The engine's type has no const form; inputs are never written.
  return {element_of_dtype(tensor.dtype()), shape, const_cast<std::byte*>(tensor.bytes().data())};
}

Tensor view_as_tensor(const ov::Tensor& tensor) {
  const ov::Shape& shape = tensor.get_shape();
  auto owner = std::make_shared<ov::Tensor>(tensor);
  const void* data = owner->data();
  return Tensor::wrap(dtype_of_element(tensor.get_element_type()).value_or(DType::kU8),
                      Shape(shape.begin(), shape.end()), data, std::move(owner));
}

}  // namespace accel::backend
