// On which of several instances of a model the next batch runs: pure.
//
// Without weights, whoever would finish it first by measured speed: a slow instance takes a batch
// only where the others could not be through with all that waits before it is, so it never makes
// the whole take longer. With weights, whoever has worked least for its weight: an instance of
// weight 2 works twice the time of one of weight 1, and on equal machines does twice as much
// (stride scheduling, Waldspurger and Weihl 1995).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace accel::runtime {

// Some of the instances, as bits: the first is the lowest.
using MemberMask = uint64_t;
constexpr MemberMask kEveryMember = ~MemberMask{0};

struct InstanceLoad {
  double weight = 0;             // 0: none was given
  bool usable = true;            // false: it failed and rests, or is not to run this batch
  int sessions = 1;              // that can run at the same time
  int free = 1;                  // of these
  double seconds_per_token = 0;  // of one session, as measured; 0: not yet
  double promised_seconds = 0;   // until one of its sessions is free, where none is
  double worked_seconds = 0;     // so far
};

// `batch_tokens` of the batch that is to be placed, `waiting_tokens` of all that waits with it.
// None: better wait for one that is busy.
std::optional<size_t> place(std::span<const InstanceLoad> instances, int64_t batch_tokens,
                            int64_t waiting_tokens);

}  // namespace accel::runtime
