// SessionPool: the sessions of a graph, on one device or on several, lent to one thread at a time.
#pragma once

#include <array>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "runtime/batch_policy.h"
#include "runtime/content_rules.h"
#include "runtime/fallback_session.h"
#include "runtime/placement.h"

namespace accel::runtime {

// The graph as it was compiled for one device.
struct PoolMember {
  std::shared_ptr<const backend::CompiledModel> model;
  int sessions = 1;  // at most; at least 1
  std::string device = "CPU";
  double weight = 0;                      // 0: by speed alone; of all members or of none
  Candidate where = {"openvino", "CPU"};  // as fallbacks name it
  std::vector<StandIn> stand_ins;         // where runs go that fail here, in this order
  // Of each run that a stand-in answered; from any thread, without a lock. May be empty.
  std::function<void(const RunFallback&)> on_fallback;
  std::shared_ptr<MemoryRoom> room;  // that its runs take memory of; null: there is no bound
};

// What a session is wanted for.
struct Work {
  Lane lane = Lane::kInteractive;
  int64_t tokens = 1;   // of the batch, padding included; or its rows, where they have no tokens
  int64_t waiting = 0;  // of all that waits with it; less than `tokens`: only that
  MemberMask only = kEveryMember;  // the members that may run it; at least one of the pool's
};

struct MemberStatistics {
  std::string device;
  // As given; of members without, how many times as fast as the slowest, or 0 until that is known.
  double weight = 0;
  uint64_t batches = 0;
  uint64_t rows = 0;
  uint64_t tokens = 0;     // as Work::tokens
  uint64_t fallbacks = 0;  // runs that failed here and were answered by a stand-in
  double worked_seconds = 0;
  double seconds_per_token = 0;  // of one session, lately
};

// Safe from any thread. Sessions are made when first needed.
//
// Who asks first is served first, and interactive callers before bulk ones; on which device,
// placement.h says. While there have been interactive callers within the last second, bulk jobs
// leave one session free for the next, where there are two or more. A bulk job that has waited for
// a second is served before interactive callers once, so that it gets on whatever they do. Who may
// use only some members (Work::only) does not keep others from those that it waits for in vain.
class SessionPool {
 public:
  // A session for as long as the lease lives; then it goes back.
  class Lease {
   public:
    Lease(Lease&& other) noexcept = default;
    Lease& operator=(Lease&&) = delete;
    ~Lease();
    FallbackSession& operator*() { return *session_; }
    FallbackSession* operator->() { return session_.get(); }
    const std::string& device() const;
    // By the speed of this device lately; infinite while nothing has run there.
    double expected_seconds() const { return expected_seconds_; }
    // What it was really used for, if not for what it was wanted for; 0 tokens: for nothing.
    void used_for(int64_t tokens, int64_t rows) {
      tokens_ = tokens;
      rows_ = rows;
    }

   private:
    friend class SessionPool;
    Lease(SessionPool& pool, const Work& work, size_t member)
        : pool_(&pool), lane_(work.lane), member_(member), tokens_(work.tokens) {}

    SessionPool* pool_;
    Lane lane_;
    size_t member_;
    int64_t tokens_;
    int64_t rows_ = 1;
    double expected_seconds_ = std::numeric_limits<double>::infinity();
    TimePoint begin_;
    std::unique_ptr<FallbackSession> session_;
  };

  // `routes` say which members take which inputs, for those who ask with Work::only.
  explicit SessionPool(std::vector<PoolMember> members, ContentRoutes routes = {});
  SessionPool(std::shared_ptr<const backend::CompiledModel> model, int size);
  SessionPool(const SessionPool&) = delete;
  SessionPool& operator=(const SessionPool&) = delete;

  // Sessions of all members together.
  int size() const { return size_; }
  int size_of(MemberMask members) const;
  const ContentRoutes& routes() const { return routes_; }

  // The first member's.
  const backend::CompiledModel& model() const { return *members_.front().parts.model; }

  // Waits for a free session. Fails only when a new one cannot be made.
  Result<Lease> acquire(const Work& work = {});
  // Nothing when one would have to be waited for.
  std::optional<Result<Lease>> try_acquire(const Work& work);
  // How many callers of this lane wait for one.
  int waiting(Lane lane) const;
  std::vector<MemberStatistics> statistics() const;

 private:
  using Lock = std::unique_lock<std::mutex>;
  struct Waiter {
    uint64_t ticket = 0;
    TimePoint since;
    const Work* work = nullptr;
  };
  struct Member {
    PoolMember parts;
    std::shared_ptr<Places> places;
    std::vector<std::unique_ptr<FallbackSession>> idle;
    int lent = 0;
    TimePoint free_at;  // as promised
    MemberStatistics counts;
  };

  // With mutex_ held:
  bool bulk_is_overdue() const;
  int room(Lane lane) const;
  std::optional<size_t> choose(const Work& work) const;
  std::optional<size_t> choose_in_turn(const Work& work, uint64_t ticket) const;
  Result<Lease> lend(const Work& work, size_t member, Lock& lock);
  void give_back(Lease& lease);
  static void hand_over(Lease& lease, std::unique_ptr<FallbackSession> session);
  static void count(MemberStatistics& counts, const Lease& lease, double seconds);

  const int size_;
  const ContentRoutes routes_;
  mutable std::mutex mutex_;
  std::condition_variable freed_;
  // Guarded by mutex_:
  std::vector<Member> members_;
  std::array<int, 2> lent_{};                  // by lane
  std::array<std::deque<Waiter>, 2> waiting_;  // by lane, in their order
  uint64_t next_ticket_ = 0;
  std::optional<TimePoint> interactive_seen_;
};

}  // namespace accel::runtime
