#include "backend/one_layer.h"

#include <algorithm>
#include <openvino/op/constant.hpp>
#include <openvino/op/matmul.hpp>
#include <openvino/op/parameter.hpp>
#include <openvino/openvino.hpp>
#include <vector>

namespace accel::backend {
namespace {

constexpr size_t kLayerSize = 64;

}  // namespace

std::shared_ptr<ov::Model> one_layer_model() {
  auto x =
      std::make_shared<ov::op::v0::Parameter>(ov::element::f32, ov::PartialShape{-1, kLayerSize});
  x->output(0).set_names({"x"});
  const std::vector<float> values(kLayerSize * kLayerSize, 1.0F / kLayerSize);
  auto w =
      ov::op::v0::Constant::create(ov::element::f32, ov::Shape{kLayerSize, kLayerSize}, values);
  auto y = std::make_shared<ov::op::v0::MatMul>(x, w, false, true);
  y->output(0).set_names({"y"});
  return std::make_shared<ov::Model>(ov::OutputVector{y}, ov::ParameterVector{x}, "probe");
}

bool runs_one_layer(const Backend& backend, const std::string& device, Precision precision) {
  const auto model = backend.compile(one_layer_model(), {.device = device, .precision = precision});
  if (!model.ok() || (*model)->executed().precision != precision) return false;
  const auto session = (*model)->create_session();
  if (!session.ok()) return false;
  const Tensor x = Tensor::from<float>({1, kLayerSize}, std::vector<float>(kLayerSize, 1.0F));
  NamedTensors outputs;
  if (!(*session)->run({{"x", x}}, outputs).ok() || outputs.empty()) return false;
  return std::ranges::all_of(outputs[0].tensor.data<float>(),
                             [](float value) { return value == 1.0F; });
}

}  // namespace accel::backend
