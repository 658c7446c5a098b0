#include "backends/openvino/dense_op.h"

#include <algorithm>

#include "backends/openvino/engine_threads.h"

namespace accel::backend {

DenseOp::DenseOp(const ov::OutputVector& inputs, std::shared_ptr<const kernels::DenseLayer> layer)
    : Op(inputs), layer_(std::move(layer)) {
  constructor_validate_and_infer_types();
}

void DenseOp::validate_and_infer_types() {
  ov::PartialShape shape = get_input_partial_shape(0);
  NODE_VALIDATION_CHECK(this, shape.rank().is_static() && shape.size() >= 1,
                        "expected an input of known rank, found ", shape);
  shape[shape.size() - 1] = layer_->out();
  if (get_input_size() > 1) {
    NODE_VALIDATION_CHECK(this,
                          ov::PartialShape::broadcast_merge_into(shape, get_input_partial_shape(1),
                                                                 ov::op::AutoBroadcastType::NUMPY),
                          "expected a residual that fits ", shape, ", found ",
                          get_input_partial_shape(1));
  }
  set_output_type(0, ov::element::f32, shape);
}

// The engine merges nodes of the same inputs and attributes: the layer tells them apart.
bool DenseOp::visit_attributes(ov::AttributeVisitor& visitor) {
  auto layer = reinterpret_cast<int64_t>(layer_.get());
  visitor.on_attribute("layer", layer);
  return true;
}

std::shared_ptr<ov::Node> DenseOp::clone_with_new_inputs(const ov::OutputVector& inputs) const {
  return std::make_shared<DenseOp>(inputs, layer_);
}

bool DenseOp::evaluate(ov::TensorVector& outputs, const ov::TensorVector& inputs) const {
  const ov::Tensor& x = inputs[0];
  ov::Shape shape = x.get_shape();
  shape.back() = static_cast<size_t>(layer_->out());
  const float* residual = nullptr;
  if (inputs.size() > 1) {
    // Only such additions are fused whose sides have the same shape; see own_kernels.cc.
    if (inputs[1].get_shape() != shape) return false;
    residual = inputs[1].data<const float>();
  }
  outputs[0].set_shape(shape);
  const auto rows = static_cast<int64_t>(x.get_size()) / std::max<int64_t>(1, layer_->in());
  layer_->run(x.data<const float>(), rows, residual, outputs[0].data<float>(), engine_threads());
  return true;
}

}  // namespace accel::backend
