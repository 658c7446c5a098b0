// The engine computes f64 in f32. Where a graph takes or gives f64 it converts in a way of its own:
// infinities become the largest finite number, and so does what f32 cannot hold. Here the graph's
// edges are f32 and the numbers are converted beside it, as IEEE 754 has it.
#pragma once

#include <memory>
#include <openvino/core/model.hpp>
#include <string>

#include "accel/status.h"
#include "accel/tensor.h"

namespace accel::backend {

// `model` itself when it neither takes nor gives f64, else a copy that takes and gives f32 there
// and shares its weights.
std::shared_ptr<const ov::Model> narrow_edges(const std::shared_ptr<const ov::Model>& model);

// The f64 `tensor` in f32, rounded to nearest. OUT_OF_RANGE names the input when a finite number
// would become infinite.
Result<Tensor> narrow_input(const Tensor& tensor, const std::string& name);

// The f32 `tensor` in f64.
Result<Tensor> widen_output(const Tensor& tensor);

}  // namespace accel::backend
