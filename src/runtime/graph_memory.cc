#include "runtime/graph_memory.h"

#include <algorithm>

#include "base/try.h"

namespace accel::runtime {
namespace {

// Threads that have ended are not told of; with more than this all are forgotten, which costs room
// for a while and nothing else.
constexpr size_t kThreadsRemembered = 256;

}  // namespace

GraphMemory::GraphMemory(std::shared_ptr<MemoryRoom> room, int at_a_time)
    : room_(std::move(room)), at_a_time_(std::max(at_a_time, 1)) {}

double GraphMemory::held_here() const {
  const auto found = held_.find(std::this_thread::get_id());
  return found == held_.end() ? 0 : found->second;
}

int64_t GraphMemory::largest(int64_t tokens_of_row) const {
  const uint64_t left = room_->left();
  const std::lock_guard lock(mutex_);
  // What this thread lacks comes first; what is larger than any yet, all need.
  const uint64_t lacking =
      memory_.growth({.amount = most_, .of_tokens = tokens_of_row > 0}, held_here());
  if (left <= lacking) return memory_.largest(tokens_of_row, held_here(), left);
  return memory_.largest(tokens_of_row, most_,
                         (left - lacking) / static_cast<uint64_t>(at_a_time_));
}

Status GraphMemory::run(BatchWeight batch, const std::function<Status()>& run) {
  std::unique_lock lock(mutex_);
  const double held = held_here();
  const uint64_t own = memory_.growth(batch, held);
  const uint64_t others = memory_.growth(batch, most_) * static_cast<uint64_t>(at_a_time_ - 1);
  lock.unlock();
  ACCEL_ASSIGN(const MemoryRoom::Hold hold, room_->hold(own, others));
  const uint64_t before = room_->resident();
  ACCEL_TRY(run());
  const uint64_t after = room_->resident();
  lock.lock();
  if (hold.alone()) memory_.learn(batch, held, after > before ? after - before : 0);
  if (held_.size() >= kThreadsRemembered) held_.clear();
  double& largest = held_[std::this_thread::get_id()];
  largest = std::max(largest, batch.amount);
  most_ = std::max(most_, batch.amount);
  return {};
}

}  // namespace accel::runtime
