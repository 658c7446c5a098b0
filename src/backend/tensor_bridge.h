// Between accel::Tensor and ov::Tensor, both ways without a copy.
#pragma once

#include <openvino/runtime/tensor.hpp>
#include <optional>

#include "accel/tensor.h"

namespace accel::backend {

std::optional<DType> dtype_of_element(const ov::element::Type& type);
ov::element::Type element_of_dtype(DType dtype);

// A view of `tensor`, which must outlive it. The engine only reads it.
ov::Tensor view_as_engine_tensor(const Tensor& tensor);

// A view that shares ownership of the engine's tensor. Its bytes change with the next run of the
// request that owns it.
Tensor view_as_tensor(const ov::Tensor& tensor);

}  // namespace accel::backend
