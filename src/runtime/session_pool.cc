#include "runtime/session_pool.h"

#include <algorithm>

namespace accel::runtime {
namespace {

constexpr auto kInteractiveMemory = std::chrono::seconds(1);

size_t index_of(Lane lane) { return static_cast<size_t>(lane); }

}  // namespace

SessionPool::Lease::~Lease() {
  if (session_) pool_->give_back(lane_, std::move(session_));
}

SessionPool::SessionPool(std::shared_ptr<const backend::CompiledModel> model, int size)
    : model_(std::move(model)), size_(std::max(size, 1)) {}

int SessionPool::room(Lane lane) const {
  const int free = size_ - lent();
  if (lane == Lane::kInteractive) return free;
  const bool expected = interactive_seen_ && std::chrono::steady_clock::now() - *interactive_seen_ <
                                                 kInteractiveMemory;
  const int most = expected ? std::max(size_ - 1, 1) : size_;
  const auto before_us = static_cast<int>(waiting_[index_of(Lane::kInteractive)].size());
  return std::min(free, most - lent_[index_of(Lane::kBulk)]) - before_us;
}

int SessionPool::free(Lane lane) const {
  const Lock lock(mutex_);
  const auto before_us = static_cast<int>(waiting_[index_of(lane)].size());
  return std::max(room(lane) - before_us, 0);
}

Result<SessionPool::Lease> SessionPool::lend(Lane lane, Lock& lock) {
  ++lent_[index_of(lane)];
  if (lane == Lane::kInteractive) interactive_seen_ = std::chrono::steady_clock::now();
  if (!idle_.empty()) {
    Lease lease(*this, lane, std::move(idle_.back()));
    idle_.pop_back();
    return lease;
  }
  lock.unlock();
  Result<std::unique_ptr<backend::Session>> session = model_->create_session();
  if (session.ok()) return Lease(*this, lane, std::move(*session));
  lock.lock();
  --lent_[index_of(lane)];
  freed_.notify_all();
  return session.status();
}

Result<SessionPool::Lease> SessionPool::acquire(Lane lane) {
  Lock lock(mutex_);
  std::deque<uint64_t>& line = waiting_[index_of(lane)];
  if (!line.empty() || room(lane) <= 0) {
    const uint64_t ticket = next_ticket_++;
    line.push_back(ticket);
    const auto first = [&] { return line.front() == ticket && room(lane) > 0; };
    // What keeps bulk jobs out ends with time alone.
    while (!first()) freed_.wait_for(lock, kInteractiveMemory);
    line.pop_front();
    if (!line.empty() || lane == Lane::kInteractive) freed_.notify_all();
  }
  return lend(lane, lock);
}

std::optional<Result<SessionPool::Lease>> SessionPool::try_acquire(Lane lane) {
  Lock lock(mutex_);
  if (!waiting_[index_of(lane)].empty() || room(lane) <= 0) return std::nullopt;
  return lend(lane, lock);
}

void SessionPool::give_back(Lane lane, std::unique_ptr<backend::Session> session) {
  const Lock lock(mutex_);
  idle_.push_back(std::move(session));
  --lent_[index_of(lane)];
  freed_.notify_all();
}

}  // namespace accel::runtime
