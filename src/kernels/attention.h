// Scaled dot-product attention of many heads over rows as the dense layers write them: no
// transposition before or after (Vaswani et al., arXiv:1706.03762). Where the table multiplies
// pairs of bf16, queries, keys, values and the exponentials are rounded; the softmax and all sums
// are f32.
#pragma once

#include <cstdint>

#include "kernels/kernel_table.h"

namespace accel::kernels {

struct AttentionShape {
  int64_t batch;
  int64_t length_q;
  int64_t length_k;
  int64_t heads;
  int64_t head_size;  // a multiple of 16
  float scale;
};

// Added to the scores: [batch or 1, heads or 1, length_q or 1, length_k]. A stride of 0 repeats.
struct AttentionMask {
  const float* data = nullptr;  // null: none
  int64_t batch_stride = 0;
  int64_t head_stride = 0;
  int64_t query_stride = 0;
};

// query and out [batch, length_q, heads * head_size], key and value [batch, length_k, the same].
// `out` overlaps none of them.
struct AttentionTensors {
  const float* query;
  const float* key;
  const float* value;
  float* out;
};

// So many tasks are worth the threads.
int attention_tasks(const AttentionShape& shape, int threads);

// Floats that one task needs.
int64_t attention_task_floats(const AttentionShape& shape);

// One of `tasks`, which may run at the same time: some of the heads. `scratch` is its own,
// attention_task_floats() long and aligned to 64 bytes.
struct AttentionTask {
  int task;
  int tasks;
  float* scratch;
};
void attention(const KernelTable& table, const AttentionShape& shape,
               const AttentionTensors& tensors, const AttentionMask& mask,
               const AttentionTask& part);

}  // namespace accel::kernels
