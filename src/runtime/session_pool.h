// SessionPool: the sessions of one compiled model, lent to one thread at a time.
#pragma once

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "backend/backend.h"
#include "runtime/batch_policy.h"

namespace accel::runtime {

// Safe from any thread. Sessions are made when first needed, at most `size` of them (at least 1).
//
// Who asks first is served first, and interactive callers before bulk ones. While there have been
// interactive ones within the last second, bulk jobs leave one session free for the next, where
// there are two or more.
class SessionPool {
 public:
  // A session for as long as the lease lives; then it goes back.
  class Lease {
   public:
    Lease(SessionPool& pool, Lane lane, std::unique_ptr<backend::Session> session)
        : pool_(&pool), lane_(lane), session_(std::move(session)) {}
    ~Lease();
    Lease(Lease&& other) noexcept = default;
    Lease& operator=(Lease&&) = delete;
    backend::Session& operator*() { return *session_; }
    backend::Session* operator->() { return session_.get(); }

   private:
    SessionPool* pool_;
    Lane lane_;
    std::unique_ptr<backend::Session> session_;
  };

  SessionPool(std::shared_ptr<const backend::CompiledModel> model, int size);
  SessionPool(const SessionPool&) = delete;
  SessionPool& operator=(const SessionPool&) = delete;

  int size() const { return size_; }
  const backend::CompiledModel& model() const { return *model_; }

  // Waits for a free session. Fails only when a new one cannot be made.
  Result<Lease> acquire(Lane lane = Lane::kInteractive);
  // Nothing when one would have to be waited for.
  std::optional<Result<Lease>> try_acquire(Lane lane);
  // How many a caller of this lane would get now without waiting.
  int free(Lane lane) const;

 private:
  using Lock = std::unique_lock<std::mutex>;
  // With mutex_ held:
  int lent() const { return lent_[0] + lent_[1]; }
  int room(Lane lane) const;
  Result<Lease> lend(Lane lane, Lock& lock);
  void give_back(Lane lane, std::unique_ptr<backend::Session> session);

  const std::shared_ptr<const backend::CompiledModel> model_;
  const int size_;
  mutable std::mutex mutex_;
  std::condition_variable freed_;
  // Guarded by mutex_:
  std::vector<std::unique_ptr<backend::Session>> idle_;
  std::array<int, 2> lent_{};                     // by lane
  std::array<std::deque<uint64_t>, 2> waiting_;   // by lane, tickets in their order
  uint64_t next_ticket_ = 0;
  std::optional<TimePoint> interactive_seen_;
};

}  // namespace accel::runtime
