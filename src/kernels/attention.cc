#include "kernels/attention.h"

#include <algorithm>

namespace accel::kernels {
namespace {

// Below this, waking another thread takes longer than it saves.
constexpr int64_t kMultiplyAddsPerThread = 1 << 20;

}  // namespace

void attention(const KernelTable& table, const AttentionShape& shape,
               const AttentionTensors& tensors, const AttentionMask& mask, const Threads& threads) {
  const int64_t hidden = shape.heads * shape.head_size;
  const int64_t all = shape.batch * shape.heads;
  const auto heads = [&](int64_t begin, int64_t end) {
    AlignedFloats scratch(attention_scratch(shape.length_k, shape.head_size));
    for (int64_t i = begin; i < end; ++i) {
      const int64_t batch = i / shape.heads;
      const int64_t head = i % shape.heads;
      const int64_t at = head * shape.head_size;
      const int64_t query_at = batch * shape.length_q * hidden + at;
      const int64_t key_at = batch * shape.length_k * hidden + at;
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
                    .scratch = scratch.data()});
    }
  };
  const int64_t multiply_adds = 2 * shape.batch * shape.length_q * shape.length_k * hidden;
  const int64_t worth = std::min(all, multiply_adds / kMultiplyAddsPerThread);
  const int tasks = static_cast<int>(std::min<int64_t>(threads.count, worth));
  if (tasks <= 1) {
    heads(0, all);
  } else {
    threads.run(tasks, [&](int task) { heads(task * all / tasks, (task + 1) * all / tasks); });
  }
}

}  // namespace accel::kernels
