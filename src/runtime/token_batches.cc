#include "runtime/token_batches.h"

#include <algorithm>
#include <functional>
#include <numeric>

namespace accel::runtime {

TokenBatches cut_token_batches(std::span<const int32_t> lengths, int64_t max_tokens) {
  std::vector<uint32_t> order(lengths.size());
  std::iota(order.begin(), order.end(), 0U);
  std::ranges::stable_sort(order, std::greater<>(), [&](uint32_t i) { return lengths[i]; });

  TokenBatches result;
  for (const uint32_t item : order) {
    const bool fits = !result.batches.empty() &&
                      static_cast<int64_t>(result.batches.back().items.size() + 1) *
                              result.batches.back().length <= max_tokens;
    if (!fits) result.batches.push_back({{}, std::max(lengths[item], 1)});
    TokenBatch& batch = result.batches.back();
    batch.items.push_back(item);
    result.padded_tokens += static_cast<uint64_t>(batch.length - lengths[item]);
  }
  return result;
}

}  // namespace accel::runtime
