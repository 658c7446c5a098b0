// Which of the rows that wait run together next: pure.
//
// The rows of a lane have an order, by priority and then by arrival, and the first of it is in the
// next batch whatever its length. Others join it for being of its kind and of like length, so that
// little is padded; they may overtake rows in between, which are a batch nearer to the head each
// time. So nothing waits for more batches than there are rows before it, and nothing waits for
// company at all: a worker that is free takes its share of what is there.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <vector>

namespace accel::runtime {

using TimePoint = std::chrono::steady_clock::time_point;

// Somebody waits for an interactive row; a bulk job takes the time that these leave.
enum class Lane : uint8_t { kInteractive, kBulk };

// A row that waits.
struct WaitingRow {
  int64_t tokens = 0;    // its length; 0: it is not padded (an image)
  uint32_t kind = 0;     // only rows of one kind share a batch
  int priority = 0;      // greater first
  uint64_t arrival = 0;  // counts up
  TimePoint deadline = TimePoint::max();
  bool cancelled = false;
};

// CutLimits::share_looked_at where somebody waits. Of texts of mixed lengths and 64 callers this
// keeps the 95th percentile within a tenth of that of one text at a time, and 0.97 of the
// throughput of sorting them all, in the simulation of batch_policy_test.cc.
constexpr double kInteractiveShareLookedAt = 0.5;

struct CutLimits {
  int64_t max_tokens = 320;  // of a batch of texts, padding included; a longer row runs alone
  int64_t max_rows = 4;      // of a batch of anything else
  // What a batch costs beside its tokens, in tokens: reading the weights, waking threads. Rows of
  // other lengths join where their padding costs less than a batch more.
  double overhead_tokens = 8;
  // Rows join from so large a share of the tokens that wait, the first in the lane's order; at
  // least from as many as make the overhead 5 %. Looking farther finds rows of more like length,
  // and has those in between wait longer.
  double share_looked_at = 1;
  int workers = 1;  // that share what waits, the busy ones too
};

// Less is no worker's share: a quarter of its work would be overhead.
int64_t least_tokens(const CutLimits& limits);

// The limits while others keep a share of the processors busy, from 0 to 1: a batch takes the
// longer for it, so it becomes smaller by that share, for its rows to come about as soon.
CutLimits under_load(const CutLimits& limits, double foreign_share);

struct BatchCut {
  std::vector<uint32_t> batch;      // indices, in the lane's order; empty: nothing waits
  int64_t length = 0;               // of the longest of them
  std::vector<uint32_t> cancelled;  // not to be run, whoever waits is to be told
  std::vector<uint32_t> late;       // likewise: their deadline is over
};

// `rows` are of one lane, in any order. Takes time in proportion to the rows, times those that fit
// a batch.
BatchCut cut_batch(std::span<const WaitingRow> rows, TimePoint now, const CutLimits& limits);

}  // namespace accel::runtime
