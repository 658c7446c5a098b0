// A dense layer of the graph on accel's own kernel: a node that the engine runs as it is.
#pragma once

#include <memory>
#include <openvino/op/op.hpp>

#include "kernels/dense.h"

namespace accel::backend {

// Input 0: x [.., in]; input 1, optional: a residual that broadcasts with the result as numpy does.
// Output 0: [.., out]. All f32.
class DenseOp : public ov::op::Op {
 public:
  OPENVINO_OP("Dense", "accel");

  DenseOp(const ov::OutputVector& inputs, std::shared_ptr<const kernels::DenseLayer> layer);

  void validate_and_infer_types() override;
  bool visit_attributes(ov::AttributeVisitor& visitor) override;
  std::shared_ptr<ov::Node> clone_with_new_inputs(const ov::OutputVector& inputs) const override;
  bool has_evaluate() const override { return true; }
  bool evaluate(ov::TensorVector& outputs, const ov::TensorVector& inputs) const override;

 private:
  std::shared_ptr<const kernels::DenseLayer> layer_;
};

}  // namespace accel::backend
