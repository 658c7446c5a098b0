// Batcher: rows of many callers, run together on the sessions of one graph.
//
//   auto batcher = Batcher::create(pool, {});
//   std::shared_ptr<Ticket> ticket = batcher->submit({.rows = rows});
//   Result<RowsAnswer> answer = ticket->take();  // waits
//
// What runs together is batch_policy.h's to say, and where the pool's; here are the threads: one
// per session and lane, started when first needed. Every submission ends exactly once: answered,
// failed, cancelled, late or refused.
#pragma once

#include <array>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "accel/status.h"
#include "accel/tensor.h"
#include "runtime/batch_policy.h"
#include "runtime/row_batches.h"
#include "runtime/session_pool.h"

namespace accel::runtime {

struct BatcherOptions {
  CutLimits limits;
  size_t rows_waiting_max = 4096;  // of both lanes; more are refused
  int32_t pad_id = 0;
  MemberMask only = kEveryMember;  // of the pool, to run on
  // The share of the processors that others keep busy, from 0 to 1; may be empty, else cheap, from
  // any thread: batches become smaller by it.
  std::function<double()> foreign_load = {};
  std::function<void()> after_batch = {};  // cheap, from any thread; may be empty
};

struct Submission {
  std::vector<Row> rows;  // at least one
  Lane lane = Lane::kInteractive;
  int priority = 0;
  TimePoint deadline = TimePoint::max();
};

// How a submission ran.
struct RowsReport {
  double queue_seconds = 0;                          // until its first row ran
  double infer_seconds = 0;                          // from then until its last had
  int64_t batch_rows = 0;                            // of the batch that its last row ran in
  int64_t batch_tokens = 0;                          // likewise, padding included; 0: no texts
  int64_t padded_tokens = 0;                         // of its own rows: computed and thrown away
  std::string device;                                // that ran its last row
  std::shared_ptr<const RunFallback> fallback = {};  // of its last row that ran elsewhere; or null
};

struct RowsAnswer {
  std::vector<NamedTensors> outputs;  // of each row, without the batch axis
  RowsReport report;
};

class Batcher;
struct BatchJob;

// The caller's side of a submission. Safe from any thread.
class Ticket {
 public:
  // Has ended: take() does not wait.
  bool ready() const;
  // Until it has ended, or its deadline is over while it waits.
  void wait();
  // The answer, once; waits. CANCELLED, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, or what the engine
  // said.
  Result<RowsAnswer> take();
  // Ends it with CANCELLED unless it runs already; then its answer is dropped.
  void cancel();
  // `waker` is called once, from any thread, when it has ended, at once if it has. It carries
  // nothing and must not block.
  void notify(std::function<void()> waker);

 private:
  friend class Batcher;
  void end(Result<RowsAnswer> answer);

  // Set before anybody else knows the ticket:
  std::weak_ptr<Batcher> batcher_;
  std::weak_ptr<BatchJob> job_;
  TimePoint deadline_ = TimePoint::max();

  mutable std::mutex mutex_;
  std::condition_variable ended_;
  // Guarded by mutex_:
  std::optional<Result<RowsAnswer>> answer_;
  bool has_ended_ = false;
  std::function<void()> waker_;
};

// Counts since it was made. At rest, submitted = answered + failed + cancelled + late + refused.
struct BatcherStatistics {
  uint64_t submitted = 0;
  uint64_t answered = 0;
  uint64_t failed = 0;
  uint64_t cancelled = 0;
  uint64_t late = 0;
  uint64_t refused = 0;
  uint64_t padded_tokens = 0;
  size_t waiting = 0;  // rows, now
};

class Batcher : public std::enable_shared_from_this<Batcher> {
 public:
  static std::shared_ptr<Batcher> create(std::shared_ptr<SessionPool> pool, BatcherOptions options);
  // What waits ends with CANCELLED; waits for what runs.
  ~Batcher();
  Batcher(const Batcher&) = delete;
  Batcher& operator=(const Batcher&) = delete;

  std::shared_ptr<Ticket> submit(Submission submission);
  // As submit(), but where nothing waits, a session is free and it is known to take no longer than
  // `seconds_max`, it has run, on this very thread, when this returns.
  std::shared_ptr<Ticket> submit_here(Submission submission, double seconds_max);
  // Here, however long it takes, and its answer.
  Result<RowsAnswer> run(Submission submission);
  BatcherStatistics statistics() const;

 private:
  friend class Ticket;
  using Lock = std::unique_lock<std::mutex>;
  using JobPtr = std::shared_ptr<BatchJob>;
  struct Queue {  // of a lane; both of one index
    std::vector<WaitingRow> rows;
    std::vector<std::pair<JobPtr, size_t>> owners;  // and the row's number there
    int64_t tokens = 0;                             // of all rows
  };
  struct Batch;
  struct Kind {  // of rows that wait: a number, for comparing is cheaper than with names
    uint32_t number = 0;
    size_t waiting = 0;
  };

  Batcher(std::shared_ptr<SessionPool> pool, BatcherOptions options);
  JobPtr make_job(Submission submission);

  // With mutex_ held:
  void start_workers(Lane lane);
  void enqueue(const JobPtr& job);
  void refuse(BatchJob& job);
  void accept(const JobPtr& job);
  Work work_of(Lane lane) const;
  Batch cut(Lane lane, const FallbackSession* session);
  void drop(Queue& queue, uint32_t index, const Status& why);
  void remove(Queue& queue, std::vector<uint32_t> indices);
  void begin(Batch& batch);
  void finish(Batch& batch);
  void end(BatchJob& job, const Status& status);

  void work(Lane lane);
  void serve(Lane lane);
  bool runs_here(const BatchJob& job) const;
  bool ran_here(const JobPtr& job, double seconds_max, Lock& lock);
  static Batch all_of(const JobPtr& job);
  void run_batch(Batch& batch, SessionPool::Lease& session);
  Status run_rows(Batch& batch, FallbackSession& session, std::span<const size_t> members);
  void give_up(BatchJob& job, const Status& why, bool only_waiting);
  // Tells the tickets of jobs that have ended; without the lock.
  void tell_ended();

  const std::shared_ptr<SessionPool> pool_;
  const BatcherOptions options_;

  mutable std::mutex mutex_;
  std::array<std::condition_variable, 2> work_there_;  // by lane
  // Guarded by mutex_:
  std::array<Queue, 2> queues_;  // by lane
  std::array<bool, 2> started_{};
  std::map<std::string, Kind> kinds_;
  uint32_t next_kind_ = 0;
  std::vector<JobPtr> ended_;
  BatcherStatistics counts_;
  uint64_t arrivals_ = 0;
  bool stopped_ = false;
  std::vector<std::thread> workers_;
};

}  // namespace accel::runtime
