// SessionPool: the sessions of one compiled model, lent to one thread at a time.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "backend/backend.h"

namespace accel::runtime {

// Safe from any thread. Sessions are made when first needed, at most `size` of them (at least 1).
class SessionPool {
 public:
  // A session for as long as the lease lives; then it goes back.
  class Lease {
   public:
    Lease(SessionPool& pool, std::unique_ptr<backend::Session> session)
        : pool_(&pool), session_(std::move(session)) {}
    ~Lease();
    Lease(Lease&& other) noexcept = default;
    Lease& operator=(Lease&&) = delete;
    backend::Session& operator*() { return *session_; }
    backend::Session* operator->() { return session_.get(); }

   private:
    SessionPool* pool_;
    std::unique_ptr<backend::Session> session_;
  };

  SessionPool(std::shared_ptr<const backend::CompiledModel> model, int size);
  SessionPool(const SessionPool&) = delete;
  SessionPool& operator=(const SessionPool&) = delete;

  int size() const { return size_; }
  const backend::CompiledModel& model() const { return *model_; }

  // Waits for a free session. Fails only when a new one cannot be made.
  Result<Lease> acquire();

 private:
  void give_back(std::unique_ptr<backend::Session> session);

  const std::shared_ptr<const backend::CompiledModel> model_;
  const int size_;
  std::mutex mutex_;
  std::condition_variable freed_;
  std::vector<std::unique_ptr<backend::Session>> idle_;  // guarded by mutex_
  int made_ = 0;                                         // guarded by mutex_
};

}  // namespace accel::runtime
