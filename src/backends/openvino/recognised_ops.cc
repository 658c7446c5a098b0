#include "backends/openvino/recognised_ops.h"

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
  set_output_type(0, ov::element::f32, shape);
}

std::shared_ptr<ov::Node> DenseOp::clone_with_new_inputs(const ov::OutputVector& inputs) const {
  return std::make_shared<DenseOp>(inputs, layer_);
}

AttentionOp::AttentionOp(const ov::OutputVector& inputs, int64_t heads, int64_t head_size)
    : Op(inputs), heads_(heads), head_size_(head_size) {
  constructor_validate_and_infer_types();
}

void AttentionOp::validate_and_infer_types() {
  set_output_type(0, ov::element::f32, get_input_partial_shape(0));
}

std::shared_ptr<ov::Node> AttentionOp::clone_with_new_inputs(const ov::OutputVector& inputs) const {
  return std::make_shared<AttentionOp>(inputs, heads_, head_size_);
}

}  // namespace accel::backend
