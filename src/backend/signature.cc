#include "backend/signature.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <openvino/core/model.hpp>

#include "backend/tensor_bridge.h"

namespace accel::backend {
namespace {

Port port_of(const ov::Output<const ov::Node>& value) {
  Port port;
  const auto& names = value.get_names();
  port.name =
      names.empty() ? value.get_node()->get_friendly_name() : *std::ranges::min_element(names);
  port.dtype = dtype_of_element(value.get_element_type()).value_or(DType::kF32);
  const ov::PartialShape& shape = value.get_partial_shape();
  if (shape.rank().is_static()) {
    for (const ov::Dimension& dimension : shape) {
      port.shape.push_back(dimension.is_static() ? dimension.get_length() : -1);
    }
  }
  return port;
}

bool fits(const Shape& expected, const Shape& found) {
  return expected.size() == found.size() &&
         std::ranges::equal(expected, found, [](int64_t want, int64_t have) {
           return have >= 0 && (want < 0 || want == have);
         });
}

}  // namespace

Signature signature_of(const ov::Model& model) {
  Signature signature;
  for (const auto& input : model.inputs()) signature.inputs.push_back(port_of(input));
  for (const auto& output : model.outputs()) signature.outputs.push_back(port_of(output));
  return signature;
}

std::string describe(const Port& port) {
  return fmt::format("{} {}{}", port.name, to_string(port.dtype), to_string(port.shape));
}

Status check_inputs(const Signature& signature, const NamedTensors& inputs) {
  std::vector<std::string> problems;
  for (const Port& port : signature.inputs) {
    const Tensor* tensor = find(inputs, port.name);
    if (tensor == nullptr) {
      problems.push_back(fmt::format("{} is missing", port.name));
    } else if (tensor->dtype() != port.dtype) {
      problems.push_back(fmt::format("{} has dtype {}", port.name, to_string(tensor->dtype())));
    } else if (!fits(port.shape, tensor->shape())) {
      problems.push_back(fmt::format("{} has shape {}", port.name, to_string(tensor->shape())));
    }
  }
  for (const NamedTensor& input : inputs) {
    if (std::ranges::find(signature.inputs, input.name, &Port::name) == signature.inputs.end()) {
      problems.push_back(fmt::format("{} is no input", input.name));
    }
  }
  if (problems.empty()) return {};
  std::vector<std::string> expected;
  for (const Port& port : signature.inputs) expected.push_back(describe(port));
  return invalid_argument(
      fmt::format("{}; expected {}", fmt::join(problems, ", "), fmt::join(expected, ", ")));
}

}  // namespace accel::backend
