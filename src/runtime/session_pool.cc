#include "runtime/session_pool.h"

#include <algorithm>

namespace accel::runtime {

SessionPool::Lease::~Lease() {
  if (session_) pool_->give_back(std::move(session_));
}

SessionPool::SessionPool(std::shared_ptr<const backend::CompiledModel> model, int size)
    : model_(std::move(model)), size_(std::max(size, 1)) {}

Result<SessionPool::Lease> SessionPool::acquire() {
  std::unique_lock lock(mutex_);
  freed_.wait(lock, [&] { return !idle_.empty() || made_ < size_; });
  if (!idle_.empty()) {
    Lease lease(*this, std::move(idle_.back()));
    idle_.pop_back();
    return lease;
  }
  ++made_;
  lock.unlock();
  Result<std::unique_ptr<backend::Session>> session = model_->create_session();
  if (session.ok()) return Lease(*this, std::move(*session));
  lock.lock();
  --made_;
  freed_.notify_one();
  return session.status();
}

void SessionPool::give_back(std::unique_ptr<backend::Session> session) {
  const std::lock_guard lock(mutex_);
  idle_.push_back(std::move(session));
  freed_.notify_one();
}

}  // namespace accel::runtime
