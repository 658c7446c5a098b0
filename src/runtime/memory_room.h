// MemoryRoom: what this process may still take where its resident memory has a bound.
//
//   ACCEL_ASSIGN(const MemoryRoom::Hold hold, room.hold(bytes));
//   ... takes as much, or less ...
//
// What is taken the kernel counts; a hold counts what is about to be. While somebody takes, both
// may count the same bytes, so others wait rather than that the bound is exceeded.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>

#include "accel/status.h"
#include "base/stopwatch.h"

namespace accel::runtime {

// Of the bound: for what nobody announces, as an answer's text or an allocator's leftovers.
uint64_t memory_reserve(uint64_t bytes_max);

// Safe from any thread.
class MemoryRoom {
 public:
  // Bytes that are announced, until it goes. The room outlives it.
  class Hold {
   public:
    Hold(Hold&& other) noexcept
        : room_(std::exchange(other.room_, nullptr)),
          bytes_(other.bytes_),
          number_(other.number_) {}
    Hold& operator=(Hold&&) = delete;
    ~Hold();
    // Nobody else held any while this one did: what the process grew by is its own.
    bool alone() const;

   private:
    friend class MemoryRoom;
    Hold(MemoryRoom* room, uint64_t bytes, uint64_t number)
        : room_(room), bytes_(bytes), number_(number) {}

    MemoryRoom* room_;
    uint64_t bytes_;
    uint64_t number_;
  };

  // `resident` tells what the process has, cheap; `give_back` returns what it has freed to the
  // kernel. Both from any thread.
  MemoryRoom(uint64_t bytes_max, std::function<uint64_t()> resident,
             std::function<void()> give_back);

  uint64_t bytes_max() const { return bytes_max_; }
  uint64_t resident() const { return resident_(); }
  // What could be held now.
  uint64_t left() const;
  // Waits for others who hold some. RESOURCE_EXHAUSTED, with the figures, when it does not fit
  // though nobody does. `spare` bytes are to fit beside it and are not held.
  Result<Hold> hold(uint64_t bytes, uint64_t spare = 0);

 private:
  using Lock = std::unique_lock<std::mutex>;
  uint64_t left_beside(uint64_t held) const;

  const uint64_t bytes_max_;
  const std::function<uint64_t()> resident_;
  const std::function<void()> give_back_;

  mutable std::mutex mutex_;
  std::condition_variable freed_;
  // Guarded by mutex_:
  uint64_t held_ = 0;
  uint64_t holders_ = 0;
  uint64_t latest_ = 0;     // number of the latest hold
  uint64_t shared_at_ = 0;  // number of the latest hold while which there was another
  Clock::time_point gave_back_;
};

// Of this process, as the kernel counts it; null for a bound of 0: none.
std::shared_ptr<MemoryRoom> make_memory_room(uint64_t bytes_max);

}  // namespace accel::runtime
