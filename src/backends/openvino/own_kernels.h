// Dense layers and attention of a graph moved onto accel's own kernels (src/kernels), where those
// are faster than the engine's: f32 on processors with AVX-512 or AVX2, bf16 on those that multiply
// it in AVX-512 and have no tiles. docs/performance.md has the figures.
#pragma once

#include <memory>
#include <openvino/core/model.hpp>
#include <string>

#include "accel/precision.h"
#include "backends/openvino/program_op.h"
#include "kernels/kernel_table.h"

namespace accel::backend {

struct OwnKernels {
  std::shared_ptr<const ov::Model> model;
  int dense = 0;                          // layers that run on accel's kernels
  int attention = 0;                      // likewise
  std::string name = "engine";            // "accel-avx512", "accel-avx2" when there is one
  Precision precision = Precision::kF32;  // of what their dense layers multiply
};

// A copy of `model` (weights that stay are shared, those that move are laid out anew) in which
//   MatMul by a constant [+ bias] [activation] [+ residual] [layer normalisation]   is one step,
//   reshape, transpose, attention, transpose, reshape                               is another,
// and steps that read each other run as one node (program_op.h). What does not match stays. Where
// no dense layer matches, `model` itself. Weights are laid out, and the result runs, on the threads
// of `use`. `table` outlives the result.
OwnKernels move_to_own_kernels(const std::shared_ptr<const ov::Model>& model,
                               const kernels::KernelTable& table, const ProgramUse& use);

}  // namespace accel::backend
