#include "runtime/batch_memory.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace accel::runtime {
namespace {

// Of texts so long attention's own buffers are about as large as all others.
constexpr double kTokensOfLikeAttention = 512;
// Before anything was seen: what a large model takes in f32, for a token and for an image.
constexpr double kUnseenToken = 64 << 10;
constexpr double kUnseenRow = 32 << 20;
// Of the unseen: nothing is believed to take less, for small batches may have found it lying about.
constexpr double kLeastBelieved = 1.0 / 16;
constexpr double kCaution = 1.5;
constexpr size_t kSeenMost = 15;
// Less is lost among what else a process does.
constexpr double kTokensThatShow = 32;
constexpr double kRowsThatShow = 1;

double attention_of(int64_t tokens_of_row) {
  return 1 + static_cast<double>(tokens_of_row) / kTokensOfLikeAttention;
}

}  // namespace

BatchWeight weight_of(int64_t rows, int64_t tokens_of_row) {
  if (tokens_of_row == 0) return {static_cast<double>(rows), false};
  return {
      static_cast<double>(rows) * static_cast<double>(tokens_of_row) * attention_of(tokens_of_row),
      true};
}

BatchWeight weight_of(const NamedTensors& inputs) {
  int64_t rows = 1;
  for (const NamedTensor& input : inputs) {
    const Shape& shape = input.tensor.shape();
    if (input.name == "input_ids" && shape.size() == 2) return weight_of(shape[0], shape[1]);
    if (!shape.empty()) rows = std::max(rows, shape[0]);
  }
  return weight_of(rows, 0);
}

double BatchMemory::bytes_per_weight(bool of_tokens) const {
  const double unseen = of_tokens ? kUnseenToken : kUnseenRow;
  if (seen_.empty()) return unseen;
  std::vector<double> sorted(seen_.begin(), seen_.end());
  std::ranges::sort(sorted);
  return std::max(sorted[sorted.size() / 2] * kCaution, unseen * kLeastBelieved);
}

uint64_t BatchMemory::growth(BatchWeight batch, double held) const {
  const double more = std::max(batch.amount - held, 0.0);
  return static_cast<uint64_t>(std::ceil(more * bytes_per_weight(batch.of_tokens)));
}

int64_t BatchMemory::largest(int64_t tokens_of_row, double held, uint64_t bytes) const {
  const bool of_tokens = tokens_of_row > 0;
  const double weight = held + static_cast<double>(bytes) / bytes_per_weight(of_tokens);
  const double most = of_tokens ? weight / attention_of(tokens_of_row) : weight;
  return std::max<int64_t>(1, static_cast<int64_t>(std::min(most, 1e15)));
}

void BatchMemory::learn(BatchWeight batch, double held, uint64_t bytes) {
  const double more = batch.amount - held;
  if (more < (batch.of_tokens ? kTokensThatShow : kRowsThatShow)) return;
  seen_.push_back(static_cast<double>(bytes) / more);
  if (seen_.size() > kSeenMost) seen_.pop_front();
}

}  // namespace accel::runtime
