// What own_kernels.cc has recognised in a graph, until program_op.h gathers it into what runs.
// These nodes only carry facts: they have shapes, and nothing to evaluate.
#pragma once

#include <memory>
#include <openvino/op/op.hpp>

#include "kernels/dense.h"

namespace accel::backend {

// Input 0: x [.., in]; input 1, optional: a residual of the result's shape. Output: [.., out]. All
// f32.
class DenseOp : public ov::op::Op {
 public:
  OPENVINO_OP("Dense", "accel");

  DenseOp(const ov::OutputVector& inputs, std::shared_ptr<const kernels::DenseLayer> layer);

  const std::shared_ptr<const kernels::DenseLayer>& layer() const { return layer_; }

  void validate_and_infer_types() override;
  std::shared_ptr<ov::Node> clone_with_new_inputs(const ov::OutputVector& inputs) const override;

 private:
  std::shared_ptr<const kernels::DenseLayer> layer_;
};

// Inputs: query [B, Lq, A*D], key and value [B, Lk, A*D], optionally a mask of rank 4 that
// broadcasts to [B, A, Lq, Lk]. Output: [B, Lq, A*D]. All f32.
class AttentionOp : public ov::op::Op {
 public:
  OPENVINO_OP("Attention", "accel");

  AttentionOp(const ov::OutputVector& inputs, int64_t heads, int64_t head_size);

  int64_t heads() const { return heads_; }
  int64_t head_size() const { return head_size_; }

  void validate_and_infer_types() override;
  std::shared_ptr<ov::Node> clone_with_new_inputs(const ov::OutputVector& inputs) const override;

 private:
  int64_t heads_;
  int64_t head_size_;
};

}  // namespace accel::backend
