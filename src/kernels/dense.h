// Dense layers with their weights laid out for this machine:
// y = layer_norm(activation(x W^T + b) + residual).
//
// One layer serves any number of threads. Numbers are f32 throughout; sums run in another order
// than in other engines, so the last bits differ.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <functional>
#include <memory>
#include <vector>

#include "kernels/kernel_table.h"

namespace accel::kernels {

// Threads that a kernel may spread its work over. run() calls task(0) .. task(tasks - 1), each once
// and on any of them, and returns when all have returned.
struct Threads {
  int count = 1;
  void (*run)(int tasks, const std::function<void(int)>& task) = nullptr;
};

// Memory for vector instructions: aligned to 64 bytes, not initialised.
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

class DenseLayer {
 public:
  // `table` outlives the layer.
  DenseLayer(DenseParts parts, const KernelTable& table);

  int64_t in() const { return parts_.in; }
  int64_t out() const { return parts_.out; }

  // x [rows, in], residual [rows, out] or null, y [rows, out]; y overlaps neither.
  void run(const float* x, int64_t rows, const float* residual, float* y,
           const Threads& threads) const;

 private:
  void lay_out(const float* weight);

  const KernelTable& table_;
  DenseParts parts_;  // weight is null: it was the caller's
  AlignedFloats weights_;
  int64_t block_rows_;
};

}  // namespace accel::kernels
