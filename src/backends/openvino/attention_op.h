// Attention of the graph on accel's own kernel: a node that the engine runs as it is.
#pragma once

#include <openvino/op/op.hpp>

#include "kernels/kernel_table.h"

namespace accel::backend {

// Inputs: query [B, Lq, A*D], key and value [B, Lk, A*D], optionally a mask of rank 4 that
// broadcasts to [B, A, Lq, Lk]. Output: [B, Lq, A*D]. All f32.
class AttentionOp : public ov::op::Op {
 public:
  OPENVINO_OP("Attention", "accel");

  // `table` outlives the node.
  AttentionOp(const ov::OutputVector& inputs, int64_t heads, float scale,
              const kernels::KernelTable& table);

  void validate_and_infer_types() override;
  bool visit_attributes(ov::AttributeVisitor& visitor) override;
  std::shared_ptr<ov::Node> clone_with_new_inputs(const ov::OutputVector& inputs) const override;
  bool has_evaluate() const override { return true; }
  bool evaluate(ov::TensorVector& outputs, const ov::TensorVector& inputs) const override;

 private:
  int64_t heads_;
  float scale_;
  const kernels::KernelTable* table_;
};

}  // namespace accel::backend
