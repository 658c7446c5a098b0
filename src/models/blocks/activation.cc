#include <fmt/format.h>

#include <array>
#include <openvino/op/clamp.hpp>
#include <openvino/op/gelu.hpp>
#include <openvino/op/mish.hpp>
#include <openvino/op/multiply.hpp>
#include <openvino/op/prelu.hpp>
#include <openvino/op/relu.hpp>
#include <openvino/op/sigmoid.hpp>
#include <openvino/op/swish.hpp>
#include <openvino/op/tanh.hpp>
#include <utility>

#include "models/blocks/blocks.h"

namespace accel::models {
namespace {

Output gelu_erf(const Output& x) {
  return std::make_shared<ov::op::v7::Gelu>(x, ov::op::GeluApproximationMode::ERF);
}
Output gelu_tanh(const Output& x) {
  return std::make_shared<ov::op::v7::Gelu>(x, ov::op::GeluApproximationMode::TANH);
}
Output gelu_10(const Output& x) {
  return std::make_shared<ov::op::v0::Clamp>(gelu_erf(x), -10.0, 10.0);
}
Output identity(const Output& x) { return x; }
Output leaky_relu(const Output& x) { return std::make_shared<ov::op::v0::PRelu>(x, scalar(0.01F)); }
Output mish(const Output& x) { return std::make_shared<ov::op::v4::Mish>(x); }
Output quick_gelu(const Output& x) {  // x * sigmoid(1.702 x)
  return std::make_shared<ov::op::v4::Swish>(x, scalar(1.702F));
}
Output relu(const Output& x) { return std::make_shared<ov::op::v0::Relu>(x); }
Output relu2(const Output& x) { return multiply(relu(x), relu(x)); }
Output relu6(const Output& x) { return std::make_shared<ov::op::v0::Clamp>(x, 0.0, 6.0); }
Output sigmoid(const Output& x) { return std::make_shared<ov::op::v0::Sigmoid>(x); }
Output silu(const Output& x) { return std::make_shared<ov::op::v4::Swish>(x); }
Output tanh(const Output& x) { return std::make_shared<ov::op::v0::Tanh>(x); }

using Row = std::pair<std::string_view, Output (*)(const Output&)>;

// The reference library's ACT2FN names, sorted.
constexpr std::array<Row, 20> kActivations{{
    {"gelu", gelu_erf},
    {"gelu_10", gelu_10},
    {"gelu_accurate", gelu_tanh},
    {"gelu_fast", gelu_tanh},
    {"gelu_new", gelu_tanh},
    {"gelu_python", gelu_erf},
    {"gelu_python_tanh", gelu_tanh},
    {"gelu_pytorch_tanh", gelu_tanh},
    {"leaky_relu", leaky_relu},
    {"linear", identity},
    {"mish", mish},
    {"none", identity},
    {"quick_gelu", quick_gelu},
    {"relu", relu},
    {"relu2", relu2},
    {"relu6", relu6},
    {"sigmoid", sigmoid},
    {"silu", silu},
    {"swish", silu},
    {"tanh", tanh},
}};

}  // namespace

Result<Output> activation(std::string_view name, const Output& x) {
  std::string known;
  for (const Row& row : kActivations) {
    if (row.first == name) return row.second(x);
    known += known.empty() ? "" : ", ";
    known += row.first;
  }
  return unimplemented(
      fmt::format("activation '{}' is not one this build knows; known: {}", name, known));
}

}  // namespace accel::models
