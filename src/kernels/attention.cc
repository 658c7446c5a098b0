#include "kernels/attention.h"

#include <algorithm>

namespace accel::kernels {
namespace {

// Less than this is done before another thread has noticed.
constexpr int64_t kMultiplyAddsPerTask = 1 << 15;

}  // namespace

int attention_tasks(const AttentionShape& shape, int threads) {
  const int64_t hidden = shape.heads * shape.head_size;
  const int64_t multiply_adds = 2 * shape.batch * shape.length_q * shape.length_k * hidden;
  const int64_t worth = std::min(shape.batch * shape.heads, multiply_adds / kMultiplyAddsPerTask);
  return static_cast<int>(std::clamp<int64_t>(worth, 1, threads));
}

int64_t attention_task_floats(const AttentionShape& shape) {
  return padded_columns(attention_scratch(shape.length_k, shape.head_size));
}

void attention(const KernelTable& table, const AttentionShape& shape,
               const AttentionTensors& tensors, const AttentionMask& mask,
               const AttentionTask& part) {
  const int64_t hidden = shape.heads * shape.head_size;
  const int64_t all = shape.batch * shape.heads;
  for (int64_t i = part.task * all / part.tasks; i < (part.task + 1) * all / part.tasks; ++i) {
    const int64_t batch = i / shape.heads;
    const int64_t head = i % shape.heads;
    const int64_t query_at = batch * shape.length_q * hidden + head * shape.head_size;
    const int64_t key_at = batch * shape.length_k * hidden + head * shape.head_size;
    const float* added = mask.data == nullptr
                             ? nullptr
                             : mask.data + batch * mask.batch_stride + head * mask.head_stride;
    table.attend({.query = tensors.query + query_at,
                  .key = tensors.key + key_at,
                  .value = tensors.value + key_at,
                  .out = tensors.out + query_at,
                  .query_stride = hidden,
                  .key_stride = hidden,
                  .value_stride = hidden,
                  .out_stride = hidden,
                  .mask = added,
                  .mask_stride = mask.query_stride,
                  .length_q = shape.length_q,
                  .length_k = shape.length_k,
                  .head_size = shape.head_size,
                  .scale = shape.scale,
                  .scratch = part.scratch});
  }
}

}  // namespace accel::kernels
