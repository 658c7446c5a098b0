// Dense layers with their weights laid out for this machine:
// y = layer_norm(activation(x W^T + b) + residual).
//
// One layer serves any number of threads. Numbers are f32, but that x and W are rounded where the
// table multiplies pairs of bf16; sums are f32 throughout. They run in another order than in other
// engines, so the last bits differ.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <vector>

#include "kernels/kernel_table.h"
#include "kernels/stages.h"

namespace accel::kernels {

// Memory for vector instructions: aligned to 64 bytes, not initialised, in huge pages where it is
// large and the system has them.
class AlignedFloats {
 public:
  explicit AlignedFloats(int64_t count);
  float* data() { return data_.get(); }
  const float* data() const { return data_.get(); }

 private:
  struct Free {
    void operator()(float* data) const { std::free(data); }
  };
  std::unique_ptr<float, Free> data_;
};

struct DenseParts {
  const float* weight = nullptr;  // [out, in], copied
  int64_t in = 0;
  int64_t out = 0;
  std::vector<float> bias;  // [out], or empty
  Activation activation = Activation::kNone;
  std::vector<float> gamma;  // [out], or empty: no layer normalisation
  std::vector<float> beta;   // as gamma
  float epsilon = 0;
};

// The rows of one call. y overlaps neither of the others.
struct DenseRows {
  const float* x;                   // [rows, in]
  const float* residual = nullptr;  // [rows, out] or null
  float* y;                         // [rows, out]
  int64_t rows;
};

// A call cut into tasks: parts of the rows, or, of few rows, parts of the columns, so that each
// thread reads a part of the weights.
struct DenseCut {
  int by_rows = 1;
  int by_columns = 1;
  int tasks() const { return by_rows * by_columns; }
};

class DenseLayer {
 public:
  // Lays out the weights on `threads`. `table` outlives the layer.
  DenseLayer(DenseParts parts, const KernelTable& table, const Threads& threads);

  int64_t in() const { return parts_.in; }
  int64_t out() const { return parts_.out; }
  Operand operand() const { return table_.operand; }
  // Without the weight, which was the caller's.
  const DenseParts& parts() const { return parts_; }

  DenseCut cut(int64_t rows, int threads) const;

  // Tasks 0 .. cut.tasks() - 1 may run at the same time.
  void run(const DenseRows& call, const DenseCut& cut, int task) const;

  // A row is normalised when all of its columns are there: what is cut by columns leaves it to
  // norm(), `tasks` of which may run at the same time when all tasks of run() have returned.
  bool leaves_norm(const DenseCut& cut) const {
    return cut.by_columns > 1 && !parts_.gamma.empty();
  }
  void norm(float* y, int64_t rows, int tasks, int task) const;

 private:
  int64_t panels() const { return (parts_.out + table_.panel_columns - 1) / table_.panel_columns; }
  void lay_out(const float* weight, int64_t panel);

  const KernelTable& table_;
  DenseParts parts_;  // weight is null: it was the caller's
  int64_t depth_;     // operands in a row of x
  AlignedFloats weights_;
  int64_t block_rows_;
};

}  // namespace accel::kernels
