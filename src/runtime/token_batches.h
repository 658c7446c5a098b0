// Which texts run together: pure.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace accel::runtime {

struct TokenBatch {
  std::vector<uint32_t> items;  // indices of the texts
  int64_t length = 0;           // tokens of the longest, to which all are padded
};

struct TokenBatches {
  std::vector<TokenBatch> batches;
  uint64_t padded_tokens = 0;  // computed and thrown away
};

// Enough that weights are read seldom, and so few that results stay in the cache
// (docs/performance.md).
constexpr int64_t kBatchTokens = 256;

struct BatchLimits {
  int64_t max_tokens =
      kBatchTokens;  // of a batch, padding included; a longer text is a batch of its own
  int workers = 1;   // that run batches at the same time
};

// Cuts texts of the given lengths into batches. Texts of like length go together, and the longest
// batches come first, so that workers finish together. Few texts are cut into smaller batches, so
// that every worker has some; a text much shorter than a batch's longest starts the next batch
// rather than being padded; a text without any token is padded to one. Ties keep the input's order.
TokenBatches cut_token_batches(std::span<const int32_t> lengths, const BatchLimits& limits);

}  // namespace accel::runtime
