#include "runtime/batcher.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/stopwatch.h"
#include "base/try.h"

namespace accel::runtime {

// A submission on its way. What changes is guarded by the batcher's mutex, but for `outputs`, whose
// elements belong to whoever runs their row.
struct BatchJob {
  Submission submission;
  std::shared_ptr<Ticket> ticket;
  std::vector<int64_t> tokens;     // of each row
  std::vector<std::string> kinds;  // likewise
  std::vector<NamedTensors> outputs;
  TimePoint submitted;
  TimePoint began;
  bool has_begun = false;
  bool ended = false;
  size_t left = 0;  // rows that have not run
  Status failure;
  RowsReport report;
};

// Rows that run together.
struct Batcher::Batch {
  std::vector<std::pair<JobPtr, size_t>> members;
  std::vector<Status> failures;  // of each member
  int64_t cost = 0;              // tokens with padding, or rows of no tokens
  bool of_tokens = false;
  TimePoint began;
  std::string device;
  std::vector<std::shared_ptr<const RunFallback>> fallbacks;  // of each member; or null
};

namespace {

size_t index_of_lane(Lane lane) { return static_cast<size_t>(lane); }

double between(TimePoint begin, TimePoint end) {
  return std::chrono::duration<double>(end - begin).count();
}

// Batches no larger than there is memory for.
CutLimits within_room(CutLimits limits, std::span<const WaitingRow> rows,
                      const FallbackSession& session) {
  if (rows.empty()) return limits;
  const int64_t longest = std::ranges::max(rows, {}, &WaitingRow::tokens).tokens;
  limits.max_tokens = std::min(limits.max_tokens, session.largest(std::max<int64_t>(longest, 1)));
  limits.max_rows = std::min(limits.max_rows, session.largest(0));
  return limits;
}

int64_t cost_of(int64_t tokens) { return std::max<int64_t>(tokens, 1); }

}  // namespace

// Ticket ------------------------------------------------------------------------------------------

bool Ticket::ready() const {
  const std::lock_guard lock(mutex_);
  return has_ended_;
}

void Ticket::wait() {
  std::unique_lock lock(mutex_);
  const auto ended = [this] { return has_ended_; };
  if (deadline_ == TimePoint::max()) {
    ended_.wait(lock, ended);
    return;
  }
  if (ended_.wait_until(lock, deadline_, ended)) return;
  lock.unlock();
  const auto batcher = batcher_.lock();
  const auto job = job_.lock();
  if (batcher && job) batcher->give_up(*job, deadline_exceeded("the deadline is over"), true);
  lock.lock();
  ended_.wait(lock, ended);
}

Result<RowsAnswer> Ticket::take() {
  wait();
  const std::lock_guard lock(mutex_);
  if (!answer_) return failed_precondition("the answer was taken already");
  Result<RowsAnswer> answer = std::move(*answer_);
  answer_.reset();
  return answer;
}

void Ticket::cancel() {
  const auto batcher = batcher_.lock();
  const auto job = job_.lock();
  if (batcher && job) batcher->give_up(*job, cancelled("cancelled by the caller"), false);
}

void Ticket::notify(std::function<void()> waker) {
  std::unique_lock lock(mutex_);
  if (!has_ended_) {
    waker_ = std::move(waker);
    return;
  }
  lock.unlock();
  waker();
}

void Ticket::end(Result<RowsAnswer> answer) {
  std::function<void()> waker;
  {
    const std::lock_guard lock(mutex_);
    answer_ = std::move(answer);
    has_ended_ = true;
    waker.swap(waker_);
    ended_.notify_all();
  }
  if (waker) waker();
}

// Batcher -----------------------------------------------------------------------------------------

std::shared_ptr<Batcher> Batcher::create(std::shared_ptr<SessionPool> pool,
                                         BatcherOptions options) {
  return std::shared_ptr<Batcher>(new Batcher(std::move(pool), std::move(options)));
}

Batcher::Batcher(std::shared_ptr<SessionPool> pool, BatcherOptions options)
    : pool_(std::move(pool)), options_(std::move(options)) {}

Batcher::~Batcher() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    for (Queue& queue : queues_) {
      for (size_t i = queue.rows.size(); i-- > 0;) {
        drop(queue, static_cast<uint32_t>(i), cancelled("the model was unloaded"));
      }
      queue = {};
    }
    for (std::condition_variable& there : work_there_) there.notify_all();
  }
  tell_ended();
  for (std::thread& worker : workers_) worker.join();
  tell_ended();
}

Batcher::JobPtr Batcher::make_job(Submission submission) {
  auto job = std::make_shared<BatchJob>();
  for (const Row& row : submission.rows) {
    job->tokens.push_back(tokens_of(row));
    job->kinds.push_back(kind_of(row));
  }
  job->left = submission.rows.size();
  job->outputs.resize(job->left);
  job->submission = std::move(submission);
  job->submitted = Clock::now();
  job->ticket = std::make_shared<Ticket>();
  job->ticket->batcher_ = weak_from_this();
  job->ticket->job_ = job;
  job->ticket->deadline_ = job->submission.deadline;
  return job;
}

std::shared_ptr<Ticket> Batcher::submit(Submission submission) {
  const JobPtr job = make_job(std::move(submission));
  {
    const std::lock_guard lock(mutex_);
    ++counts_.submitted;
    accept(job);
  }
  tell_ended();
  return job->ticket;
}

void Batcher::accept(const JobPtr& job) {
  const size_t waiting = queues_[0].rows.size() + queues_[1].rows.size();
  if (stopped_ || waiting + job->left > options_.rows_waiting_max) {
    refuse(*job);
  } else {
    enqueue(job);
  }
}

void Batcher::refuse(BatchJob& job) {
  const size_t waiting = queues_[0].rows.size() + queues_[1].rows.size();
  double seconds = 0;  // until what waits has run
  for (const MemberStatistics& member : pool_->statistics()) {
    const double alone =
        member.seconds_per_token * static_cast<double>(queues_[0].tokens + queues_[1].tokens);
    seconds = seconds == 0 ? alone : std::min(seconds, alone);
  }
  seconds /= pool_->size_of(options_.only);
  job.failure = resource_exhausted(
      fmt::format("{} rows wait already, of at most {}; try again in {:.0f} ms", waiting,
                  options_.rows_waiting_max, std::max(seconds * 1000, 1.0)));
  job.ended = true;
  ++counts_.refused;
  ended_.push_back(job.ticket->job_.lock());
}

void Batcher::enqueue(const JobPtr& job) {
  const Lane lane = job->submission.lane;
  Queue& queue = queues_[index_of_lane(lane)];
  for (size_t row = 0; row < job->submission.rows.size(); ++row) {
    Kind& kind = kinds_.try_emplace(job->kinds[row], Kind{next_kind_, 0}).first->second;
    if (kind.waiting++ == 0) ++next_kind_;
    queue.rows.push_back({.tokens = job->tokens[row],
                          .kind = kind.number,
                          .priority = job->submission.priority,
                          .arrival = arrivals_++,
                          .deadline = job->submission.deadline});
    queue.owners.emplace_back(job, row);
    queue.tokens += cost_of(job->tokens[row]);
  }
  start_workers(lane);
  work_there_[index_of_lane(lane)].notify_one();
}

void Batcher::start_workers(Lane lane) {
  if (std::exchange(started_[index_of_lane(lane)], true)) return;
  for (int i = 0; i < pool_->size_of(options_.only); ++i) {
    workers_.emplace_back([this, lane] { work(lane); });
  }
}

Work Batcher::work_of(Lane lane) const {
  const Queue& queue = queues_[index_of_lane(lane)];
  return {.lane = lane,
          .tokens = std::clamp<int64_t>(queue.tokens, 1, options_.limits.max_tokens),
          .waiting = queue.tokens,
          .only = options_.only};
}

void Batcher::drop(Queue& queue, uint32_t index, const Status& why) {
  const JobPtr& job = queue.owners[index].first;
  queue.tokens -= cost_of(queue.rows[index].tokens);
  if (job->failure.ok()) job->failure = why;
  if (--job->left == 0) end(*job, job->failure);
}

void Batcher::remove(Queue& queue, std::vector<uint32_t> indices) {
  std::ranges::sort(indices, std::greater<>());
  for (const uint32_t index : indices) {
    const auto& [job, row] = queue.owners[index];
    const auto kind = kinds_.find(job->kinds[row]);
    if (--kind->second.waiting == 0) kinds_.erase(kind);
    queue.rows[index] = queue.rows.back();
    queue.owners[index] = std::move(queue.owners.back());
    queue.rows.pop_back();
    queue.owners.pop_back();
  }
}

// What `session` has room for; where there is none its rows are told why.
Batcher::Batch Batcher::cut(Lane lane, const FallbackSession* session) {
  Queue& queue = queues_[index_of_lane(lane)];
  for (size_t i = 0; i < queue.rows.size(); ++i) {
    const BatchJob& job = *queue.owners[i].first;
    queue.rows[i].cancelled = job.ended || !job.failure.ok();
  }
  CutLimits limits =
      under_load(options_.limits, options_.foreign_load ? options_.foreign_load() : 0);
  if (lane == Lane::kInteractive) limits.share_looked_at = kInteractiveShareLookedAt;
  limits.workers = pool_->size_of(options_.only);
  if (session != nullptr) limits = within_room(limits, queue.rows, *session);
  BatchCut found = cut_batch(queue.rows, Clock::now(), limits);
  Batch batch;
  for (const uint32_t i : found.batch) {
    batch.members.push_back(queue.owners[i]);
    queue.tokens -= cost_of(queue.rows[i].tokens);
    batch.of_tokens = queue.rows[i].tokens > 0;
  }
  batch.cost = cost_of(found.length) * std::ssize(batch.members);
  batch.failures.resize(batch.members.size());
  batch.fallbacks.resize(batch.members.size());
  for (const uint32_t i : found.cancelled) drop(queue, i, cancelled("cancelled"));
  for (const uint32_t i : found.late) {
    drop(queue, i, deadline_exceeded("the deadline was over before it could run"));
  }
  std::vector<uint32_t>& gone = found.batch;
  gone.insert(gone.end(), found.cancelled.begin(), found.cancelled.end());
  gone.insert(gone.end(), found.late.begin(), found.late.end());
  remove(queue, std::move(gone));
  return batch;
}

void Batcher::begin(Batch& batch) {
  batch.began = Clock::now();
  for (const auto& [job, row] : batch.members) {
    if (!std::exchange(job->has_begun, true)) job->began = batch.began;
  }
}

void Batcher::finish(Batch& batch) {
  const TimePoint now = Clock::now();
  const auto rows = std::ssize(batch.members);
  for (size_t i = 0; i < batch.members.size(); ++i) {
    const auto& [owner, row] = batch.members[i];
    BatchJob& job = *owner;
    if (job.failure.ok()) job.failure = batch.failures[i];
    const int64_t padded = batch.cost / rows - cost_of(job.tokens[row]);
    counts_.padded_tokens += static_cast<uint64_t>(padded);
    job.report.queue_seconds = between(job.submitted, job.began);
    job.report.infer_seconds = between(job.began, now);
    job.report.batch_rows = rows;
    job.report.batch_tokens = batch.of_tokens ? batch.cost : 0;
    job.report.padded_tokens += padded;
    job.report.device = batch.device;
    if (batch.fallbacks[i]) job.report.fallback = batch.fallbacks[i];
    if (--job.left == 0) end(job, job.failure);
  }
}

void Batcher::end(BatchJob& job, const Status& status) {
  if (std::exchange(job.ended, true)) return;
  switch (status.code()) {
    case StatusCode::kOk: ++counts_.answered; break;
    case StatusCode::kCancelled: ++counts_.cancelled; break;
    case StatusCode::kDeadlineExceeded: ++counts_.late; break;
    default: ++counts_.failed;
  }
  job.failure = status;
  ended_.push_back(job.ticket->job_.lock());
}

void Batcher::tell_ended() {
  std::vector<JobPtr> ended;
  {
    const std::lock_guard lock(mutex_);
    ended.swap(ended_);
  }
  for (const JobPtr& job : ended) {
    if (!job->failure.ok()) {
      job->ticket->end(job->failure);
    } else {
      job->ticket->end(RowsAnswer{std::move(job->outputs), job->report});
    }
  }
}

void Batcher::give_up(BatchJob& job, const Status& why, bool only_waiting) {
  {
    const std::lock_guard lock(mutex_);
    if (job.ended || (only_waiting && job.has_begun)) return;
    Queue& queue = queues_[index_of_lane(job.submission.lane)];
    std::vector<uint32_t> gone;
    for (uint32_t i = 0; i < queue.owners.size(); ++i) {
      if (queue.owners[i].first.get() == &job) gone.push_back(i);
    }
    for (const uint32_t i : gone) queue.tokens -= cost_of(queue.rows[i].tokens);
    job.left -= gone.size();
    end(job, why);
    remove(queue, std::move(gone));
  }
  tell_ended();
}

Status Batcher::run_rows(Batch& batch, FallbackSession& session, std::span<const size_t> members) {
  std::vector<const Row*> rows;
  for (const size_t member : members) {
    const auto& [job, row] = batch.members[member];
    rows.push_back(&job->submission.rows[row]);
  }
  NamedTensors outputs;
  ACCEL_TRY(session.run(stack_rows(rows, options_.pad_id), outputs));
  for (size_t i = 0; i < members.size(); ++i) {
    batch.fallbacks[members[i]] = session.fallback();
    const auto& [job, row] = batch.members[members[i]];
    job->outputs[row] = take_row(outputs, static_cast<int64_t>(i));
  }
  return {};
}

void Batcher::run_batch(Batch& batch, SessionPool::Lease& session) {
  std::vector<size_t> all(batch.members.size());
  std::iota(all.begin(), all.end(), size_t{0});
  batch.device = session.device();
  session.used_for(batch.cost, std::ssize(batch.members));
  const Status status = run_rows(batch, *session, all);
  if (status.ok()) {
    if (options_.after_batch) options_.after_batch();
    return;
  }
  if (all.size() == 1) {
    batch.failures.front() = status;
    return;
  }
  // One row may be at fault; the others have a right to their answers.
  for (const size_t member : all) {
    batch.failures[member] = run_rows(batch, *session, {&member, 1});
  }
}

void Batcher::work(Lane lane) {
  const Queue& queue = queues_[index_of_lane(lane)];
  while (true) {
    {
      Lock lock(mutex_);
      work_there_[index_of_lane(lane)].wait(lock, [&] { return stopped_ || !queue.rows.empty(); });
      if (stopped_) return;
    }
    serve(lane);
    tell_ended();
  }
}

void Batcher::serve(Lane lane) {
  Lock lock(mutex_);
  const Work work = work_of(lane);
  lock.unlock();
  // The batch is cut when it can run, so that it holds what came while others ran.
  Result<SessionPool::Lease> session = pool_->acquire(work);
  lock.lock();
  if (stopped_) return;
  Batch batch = cut(lane, session.ok() ? &**session : nullptr);
  if (!queues_[index_of_lane(lane)].rows.empty()) work_there_[index_of_lane(lane)].notify_one();
  if (session.ok()) session->used_for(0, 0);
  if (batch.members.empty()) return;
  begin(batch);
  lock.unlock();
  if (session.ok()) {
    run_batch(batch, *session);
  } else {
    std::ranges::fill(batch.failures, session.status());
  }
  lock.lock();
  finish(batch);
}

// Whether a submission is a batch of its own that nothing waits before.
bool Batcher::runs_here(const BatchJob& job) const {
  const bool alike =
      std::ranges::all_of(job.kinds, [&](const std::string& kind) { return kind == job.kinds[0]; });
  const auto rows = std::ssize(job.tokens);
  const int64_t longest = std::ranges::max(job.tokens);
  const bool fits = rows == 1 || (longest == 0 ? rows <= options_.limits.max_rows
                                               : longest * rows <= least_tokens(options_.limits));
  return !stopped_ && alike && fits && queues_[index_of_lane(job.submission.lane)].rows.empty();
}

Batcher::Batch Batcher::all_of(const JobPtr& job) {
  Batch batch;
  for (size_t row = 0; row < job->tokens.size(); ++row) batch.members.emplace_back(job, row);
  batch.failures.resize(batch.members.size());
  batch.fallbacks.resize(batch.members.size());
  batch.cost = cost_of(std::ranges::max(job->tokens)) * std::ssize(batch.members);
  batch.of_tokens = job->tokens[0] > 0;
  return batch;
}

// Runs it on this thread if it may; `lock` is let go meanwhile.
bool Batcher::ran_here(const JobPtr& job, double seconds_max, Lock& lock) {
  if (!runs_here(*job)) return false;
  lock.unlock();
  Batch batch = all_of(job);
  std::optional<Result<SessionPool::Lease>> session = pool_->try_acquire(
      {.lane = job->submission.lane, .tokens = batch.cost, .only = options_.only});
  lock.lock();
  if (!session || !session->ok()) return false;
  if ((*session)->expected_seconds() > seconds_max) {
    (*session)->used_for(0, 0);
    return false;
  }
  begin(batch);
  lock.unlock();
  run_batch(batch, **session);
  lock.lock();
  finish(batch);
  return true;
}

std::shared_ptr<Ticket> Batcher::submit_here(Submission submission, double seconds_max) {
  const JobPtr job = make_job(std::move(submission));
  {
    Lock lock(mutex_);
    ++counts_.submitted;
    if (!ran_here(job, seconds_max, lock)) accept(job);
  }
  tell_ended();
  return job->ticket;
}

Result<RowsAnswer> Batcher::run(Submission submission) {
  return submit_here(std::move(submission), std::numeric_limits<double>::infinity())->take();
}

BatcherStatistics Batcher::statistics() const {
  const std::lock_guard lock(mutex_);
  BatcherStatistics found = counts_;
  found.waiting = queues_[0].rows.size() + queues_[1].rows.size();
  return found;
}

}  // namespace accel::runtime
