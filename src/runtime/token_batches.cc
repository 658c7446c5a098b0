#include "runtime/token_batches.h"

#include <algorithm>
#include <limits>
#include <numeric>

namespace accel::runtime {
namespace {

// Below this many tokens a batch costs about as much as one of this size: weights have to be read
// from memory all the same.
constexpr int64_t kLeastTokens = 128;
constexpr int64_t kTokensPerBatch = 4;  // what a batch costs beside its tokens, in tokens
constexpr int64_t kBatchesPerWorker = 4;
constexpr size_t kTextsPerBatch = 1024;  // bounds the search for the cheapest cuts

// Of a batch when so many tokens are left with it: smaller towards the end, so that workers finish
// together (guided self-scheduling, Polychronopoulos and Kuck 1987). One worker alone gains nothing
// from smaller batches.
int64_t token_budget(int64_t tokens_left, const BatchLimits& limits) {
  if (limits.workers <= 1) return limits.max_tokens;
  const int64_t share = tokens_left / (limits.workers * kBatchesPerWorker);
  return std::min(limits.max_tokens, std::max(kLeastTokens, share));
}

// Where batches of the texts begin, so that all together cost least: the cheapest way from each
// text to the end, from the last to the first.
std::vector<size_t> cheapest_cuts(std::span<const int64_t> lengths, const BatchLimits& limits) {
  const size_t count = lengths.size();
  std::vector<int64_t> costs(count + 1, 0);  // of all from a text on
  std::vector<size_t> next(count);           // where the batch that begins with a text ends
  int64_t tokens_left = 0;
  for (size_t begin = count; begin-- > 0;) {
    tokens_left += lengths[begin];
    const int64_t budget = token_budget(tokens_left, limits);
    costs[begin] = std::numeric_limits<int64_t>::max();
    const size_t last = std::min(count, begin + kTextsPerBatch);
    for (size_t end = begin + 1; end <= last; ++end) {
      const int64_t tokens = static_cast<int64_t>(end - begin) * lengths[begin];
      if (tokens > budget && end > begin + 1) break;
      const int64_t cost = std::max(tokens, kLeastTokens) + kTokensPerBatch + costs[end];
      if (cost > costs[begin]) continue;  // of equals the longer batch
      costs[begin] = cost;
      next[begin] = end;
    }
  }
  std::vector<size_t> cuts;
  for (size_t at = 0; at < count; at = next[at]) cuts.push_back(at);
  cuts.push_back(count);
  return cuts;
}

}  // namespace

TokenBatches cut_token_batches(std::span<const int32_t> lengths, const BatchLimits& limits) {
  std::vector<uint32_t> order(lengths.size());
  std::iota(order.begin(), order.end(), 0U);
  std::ranges::stable_sort(order, std::greater<>(), [&](uint32_t i) { return lengths[i]; });
  std::vector<int64_t> ordered;
  for (const uint32_t item : order) ordered.push_back(std::max(lengths[item], 1));

  TokenBatches result;
  const std::vector<size_t> cuts = cheapest_cuts(ordered, limits);
  for (size_t i = 0; i + 1 < cuts.size(); ++i) {
    TokenBatch batch{.items = {}, .length = ordered[cuts[i]]};
    for (size_t at = cuts[i]; at < cuts[i + 1]; ++at) {
      batch.items.push_back(order[at]);
      result.padded_tokens += static_cast<uint64_t>(batch.length - lengths[order[at]]);
    }
    result.batches.push_back(std::move(batch));
  }
  return result;
}

}  // namespace accel::runtime
