#include "backends/openvino/f64_edges.h"

#include <fmt/format.h>

#include <algorithm>
#include <openvino/op/convert.hpp>
#include <openvino/op/parameter.hpp>
#include <openvino/op/result.hpp>

#include "base/try.h"
#include "tensors/convert.h"
#include "tensors/non_finite.h"

namespace accel::backend {
namespace {

template <class Ports>
bool any_f64(const Ports& ports) {
  return std::ranges::any_of(
      ports, [](const auto& port) { return port.get_element_type() == ov::element::f64; });
}

}  // namespace

std::shared_ptr<const ov::Model> narrow_edges(const std::shared_ptr<const ov::Model>& model) {
  if (!any_f64(model->inputs()) && !any_f64(model->outputs())) return model;
  const std::shared_ptr<ov::Model> copy = model->clone();
  for (const auto& parameter : copy->get_parameters()) {
    if (parameter->get_element_type() != ov::element::f64) continue;
    const auto users = parameter->output(0).get_target_inputs();
    parameter->set_element_type(ov::element::f32);
    parameter->validate_and_infer_types();
    const auto wide = std::make_shared<ov::op::v0::Convert>(parameter, ov::element::f64);
    for (ov::Input<ov::Node> user : users) user.replace_source_output(wide);
  }
  for (const auto& result : copy->get_results()) {
    if (result->get_element_type() != ov::element::f64) continue;
    result->input(0).replace_source_output(
        std::make_shared<ov::op::v0::Convert>(result->input_value(0), ov::element::f32));
  }
  copy->validate_nodes_and_infer_types();
  return copy;
}

Result<Tensor> narrow_input(const Tensor& tensor, const std::string& name) {
  ACCEL_ASSIGN(Tensor narrow, tensors::convert_dtype(tensor, DType::kF32));
  const uint64_t infinite = tensors::count_non_finite(tensor).infinite;
  const uint64_t beyond = tensors::count_non_finite(narrow).infinite - infinite;
  if (beyond == 0) return narrow;
  return out_of_range(fmt::format("input {} has {} numbers beyond 3.4e38, and the engine computes "
                                  "f64 in f32; scale it, or give infinities",
                                  name, beyond));
}

Result<Tensor> widen_output(const Tensor& tensor) {
  return tensors::convert_dtype(tensor, DType::kF64);
}

}  // namespace accel::backend
