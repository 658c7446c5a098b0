// Which texts run together: pure.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace accel::runtime {

struct TokenBatch {
  std::vector<uint32_t> items;  // indices of the texts
  int64_t length = 0;           // tokens of the longest, to which all are padded; at least 1
};

struct TokenBatches {
  std::vector<TokenBatch> batches;
  uint64_t padded_tokens = 0;  // computed and thrown away
};

// Cuts texts of the given lengths into batches of at most `max_tokens` tokens, padding included; a
// longer text is a batch of its own, and a text without any token is padded to one. Texts of like
// length go together, and the longest batches come first, so that workers finish together. Ties
// keep the input's order.
TokenBatches cut_token_batches(std::span<const int32_t> lengths, int64_t max_tokens);

}  // namespace accel::runtime
