// A program of accel's kernels as one node of a graph, which the engine runs as it is.
#pragma once

#include <memory>
#include <openvino/core/model.hpp>
#include <openvino/op/op.hpp>

#include "backends/openvino/engine_threads.h"
#include "kernels/program.h"

namespace accel::backend {

// Inputs: the program's, f32 of any rank (three where attention reads them), then its masks, f32 of
// rank 4, then whether the run is urgent, i32 [1]: nothing else gets from who runs a graph to its
// nodes, which the engine may call on threads of its own.
// Outputs: the program's, f32, with the leading dimensions of the input they began with.
class ProgramOp : public ov::op::Op {
 public:
  OPENVINO_OP("Program", "accel");

  ProgramOp(const ov::OutputVector& inputs, std::shared_ptr<const kernels::Program> program,
            SharedThreads threads);

  void validate_and_infer_types() override;
  bool visit_attributes(ov::AttributeVisitor& visitor) override;
  std::shared_ptr<ov::Node> clone_with_new_inputs(const ov::OutputVector& inputs) const override;
  const std::shared_ptr<const kernels::Program>& program() const { return program_; }

  bool has_evaluate() const override { return true; }
  bool evaluate(ov::TensorVector& outputs, const ov::TensorVector& inputs) const override;

 private:
  std::shared_ptr<const kernels::Program> program_;
  SharedThreads threads_;
};

struct ProgramUse {
  SharedThreads threads;
  bool timed = false;  // steps have stopwatches
};

// Replaces the recognised nodes of `model` (recognised_ops.h) by programs: as few as the nodes of
// the engine between them allow, so an encoder becomes one. The model gets one more input, its
// last: whether the run is urgent, i32 [1]. `table` outlives the model.
void gather_programs(ov::Model& model, const kernels::KernelTable& table, const ProgramUse& use);

}  // namespace accel::backend
