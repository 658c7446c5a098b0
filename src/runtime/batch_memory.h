// What batches take of a process's memory, learnt from those that have run: pure.
//
// An engine keeps, for each session, the buffers of the largest batch that it has run. So a batch
// that is no larger takes nothing, and another what it is larger by.
#pragma once

#include <cstdint>
#include <deque>

#include "accel/tensor.h"

namespace accel::runtime {

// How large a batch is: its tokens, padding included, where those of long texts count for more, as
// attention relates each to all others; or its rows, where it is of no texts.
struct BatchWeight {
  double amount = 0;
  bool of_tokens = false;
};

BatchWeight weight_of(int64_t rows, int64_t tokens_of_row);
// Of a session's inputs. Texts have input_ids.
BatchWeight weight_of(const NamedTensors& inputs);

// The batches of one graph. One thread at a time.
class BatchMemory {
 public:
  // Bytes that a batch will take on a session whose largest was of `held`: half as much again as
  // batches were seen to take, for the next may be of another shape.
  uint64_t growth(BatchWeight batch, double held) const;
  // How large a batch of rows of at most `tokens_of_row` may be to take no more than `bytes`: in
  // tokens, or in rows where tokens_of_row is 0. At least 1.
  int64_t largest(int64_t tokens_of_row, double held, uint64_t bytes) const;
  // A batch took so much, or something beside it did: the median counts.
  void learn(BatchWeight batch, double held, uint64_t bytes);

 private:
  double bytes_per_weight(bool of_tokens) const;

  std::deque<double> seen_;  // bytes for a weight of 1, of the latest
};

}  // namespace accel::runtime
