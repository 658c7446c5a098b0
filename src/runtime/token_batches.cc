#include "runtime/token_batches.h"

#include <algorithm>
#include <numeric>

namespace accel::runtime {
namespace {

// Below this many tokens a batch costs about as much as one of this size: weights have to be read
// from memory all the same.
constexpr int64_t kLeastTokens = 128;
constexpr int64_t kBatchesPerWorker = 4;  // so that the last ones end at about the same time

int64_t token_budget(std::span<const int32_t> lengths, const BatchLimits& limits) {
  const int64_t total = std::accumulate(lengths.begin(), lengths.end(), int64_t{0});
  const int64_t share = total / (limits.workers * kBatchesPerWorker);
  return std::min(limits.max_tokens, std::max(kLeastTokens, share));
}

bool takes(const TokenBatch& batch, int32_t length, int64_t budget) {
  const auto count = static_cast<int64_t>(batch.items.size());
  if ((count + 1) * batch.length > budget) return false;
  const bool much_shorter = int64_t{length} * 5 < batch.length * 4;
  return !much_shorter || count * batch.length < kLeastTokens;
}

}  // namespace

TokenBatches cut_token_batches(std::span<const int32_t> lengths, const BatchLimits& limits) {
  std::vector<uint32_t> order(lengths.size());
  std::iota(order.begin(), order.end(), 0U);
  std::ranges::stable_sort(order, std::greater<>(), [&](uint32_t i) { return lengths[i]; });
  // One worker alone gains nothing from smaller batches.
  const int64_t budget = limits.workers > 1 ? token_budget(lengths, limits) : limits.max_tokens;

  TokenBatches result;
  for (const uint32_t item : order) {
    if (result.batches.empty() || !takes(result.batches.back(), lengths[item], budget)) {
      result.batches.push_back({{}, std::max(lengths[item], 1)});
    }
    TokenBatch& batch = result.batches.back();
    batch.items.push_back(item);
    result.padded_tokens += static_cast<uint64_t>(batch.length - lengths[item]);
  }
  return result;
}

}  // namespace accel::runtime
