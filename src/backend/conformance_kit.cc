#include "backend/conformance_kit.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <openvino/op/constant.hpp>

#include "base/try.h"

namespace accel::backend {
namespace {

template <class T>
Tensor as(const Numbers& numbers) {
  const std::vector<T> values(numbers.values.begin(), numbers.values.end());
  return Tensor::from<T>(numbers.shape, values);
}

Status compare_floats(const Tensor& found, const Tensor& expected, double tolerance) {
  for (size_t i = 0; i < expected.count(); ++i) {
    const double want = expected.data<float>()[i];
    const double have = found.data<float>()[i];
    const double allowed = tolerance * std::max(1.0, std::abs(want));
    if (want == have || std::abs(want - have) <= allowed) continue;  // a NaN fails both
    return internal_error(
        fmt::format("value {} is {:.9g}, expected {:.9g} within {:.2g}", i, have, want, allowed));
  }
  return {};
}

Status compare_one(const Tensor& found, const Tensor& expected, double tolerance) {
  if (found.dtype() != expected.dtype() || found.shape() != expected.shape()) {
    return internal_error(fmt::format("is {}{}, expected {}{}", to_string(found.dtype()),
                                      to_string(found.shape()), to_string(expected.dtype()),
                                      to_string(expected.shape())));
  }
  if (expected.dtype() == DType::kF32) return compare_floats(found, expected, tolerance);
  const auto [have, want] = std::ranges::mismatch(found.bytes(), expected.bytes());
  if (want == expected.bytes().end()) return {};
  const auto position = static_cast<size_t>(want - expected.bytes().begin());
  return internal_error(fmt::format("differs at value {}", position / size_of(expected.dtype())));
}

}  // namespace

Numbers::Numbers(Shape of_shape)
    : shape(std::move(of_shape)), values(element_count(shape).value_or(0)) {}

size_t Numbers::offset(std::initializer_list<int64_t> index) const {
  size_t position = 0;
  size_t axis = 0;
  for (const int64_t i : index) {
    position = position * static_cast<size_t>(shape[axis]) + static_cast<size_t>(i);
    ++axis;
  }
  return position;
}

Numbers samples(Shape shape, uint32_t seed) {
  Numbers numbers(std::move(shape));
  uint32_t state = seed * 2654435761U + 12345U;
  for (double& value : numbers.values) {
    state = state * 1664525U + 1013904223U;
    value = (static_cast<int>(state >> 24) % 129 - 64) / 64.0;
  }
  return numbers;
}

Tensor as_f32(const Numbers& numbers) { return as<float>(numbers); }
Tensor as_i64(const Numbers& numbers) { return as<int64_t>(numbers); }
Tensor as_i32(const Numbers& numbers) { return as<int32_t>(numbers); }

Tensor as_bool(const Numbers& numbers) {
  Tensor tensor = Tensor::allocate(DType::kBool, numbers.shape);
  std::ranges::transform(numbers.values, tensor.mutable_data(),
                         [](double value) { return std::byte{value != 0.0}; });
  return tensor;
}

std::shared_ptr<ov::op::v0::Parameter> parameter(const std::string& name,
                                                 const ov::element::Type& type,
                                                 const ov::PartialShape& shape) {
  auto input = std::make_shared<ov::op::v0::Parameter>(type, shape);
  input->set_friendly_name(name);
  input->output(0).set_names({name});
  return input;
}

Output constant(const Numbers& numbers) {
  const ov::Shape shape(numbers.shape.begin(), numbers.shape.end());
  return ov::op::v0::Constant::create(ov::element::f32, shape, numbers.values);
}

Output scalar(float value) {
  return ov::op::v0::Constant::create(ov::element::f32, ov::Shape{}, {value});
}

Output integer(int64_t value) {
  return ov::op::v0::Constant::create(ov::element::i64, ov::Shape{}, {value});
}

Output integers(const std::vector<int64_t>& values) {
  return ov::op::v0::Constant::create(ov::element::i64, ov::Shape{values.size()}, values);
}

std::shared_ptr<const ov::Model> graph(const ov::ParameterVector& inputs,
                                       const std::vector<std::pair<std::string, Output>>& outputs) {
  ov::OutputVector values;
  for (const auto& [name, value] : outputs) {
    values.push_back(value);
    values.back().add_names({name});
  }
  return std::make_shared<ov::Model>(values, inputs);
}

Status compare(const NamedTensors& found, const NamedTensors& expected, double tolerance) {
  for (const NamedTensor& output : expected) {
    const Tensor* tensor = find(found, output.name);
    if (tensor == nullptr) return internal_error(fmt::format("{} is missing", output.name));
    const Status same = compare_one(*tensor, output.tensor, tolerance);
    if (!same.ok()) return internal_error(fmt::format("{}: {}", output.name, same.message()));
  }
  if (found.size() == expected.size()) return {};
  return internal_error(fmt::format("{} outputs came, expected {}", found.size(), expected.size()));
}

}  // namespace accel::backend
