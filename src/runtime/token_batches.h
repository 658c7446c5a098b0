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
constexpr int64_t kBatchTokens = 320;

struct BatchLimits {
  int64_t max_tokens =
      kBatchTokens;  // of a batch, padding included; a longer text is a batch of its own
  int workers = 1;   // that run batches at the same time
};

// Cuts texts of the given lengths into the batches that cost least together: padding costs what any
// token costs, each batch costs a few tokens more, and a small one as much as one of 128. Texts of
// like length go together and the longest batches come first. For several workers they become
// smaller towards the end, so that all finish together, and of few texts every worker has some. No
// batch holds more than 1,024 texts; a text without any token is padded to one. Ties keep the
// input's order. Takes time in proportion to the number of texts times that of a batch.
TokenBatches cut_token_batches(std::span<const int32_t> lengths, const BatchLimits& limits);

}  // namespace accel::runtime
