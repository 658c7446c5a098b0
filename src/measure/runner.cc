#include "measure/runner.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "base/stopwatch.h"
#include "base/try.h"
#include "hardware/threads.h"
#include "measure/memory_watch.h"

namespace accel::measure {
namespace {

constexpr int kServerThreads = 64;

Phases phases_of(const Reply& reply, double waited, double took) {
  const double busy = reply.prepare + reply.infer + reply.finish;
  const double share = busy > took ? took / busy : 1;
  Phases phases{.prepare = reply.prepare * share,
                .infer = reply.infer * share,
                .finish = reply.finish * share};
  phases.queue = waited + std::max(0.0, took - busy);
  return phases;
}

// The items in turn, some at a time; round and round.
class Turns {
 public:
  Turns(std::span<const TaskInput> items, size_t together) : together_(together) {
    // Doubled as often as needed, so that what goes together lies together.
    do {
      items_.insert(items_.end(), items.begin(), items.end());
    } while (items_.size() < together_ || items_.size() % together_ != 0);
  }
  size_t count() const { return items_.size() / together_; }
  std::span<const TaskInput> at(uint64_t query) const {
    return std::span(items_).subspan(query % count() * together_, together_);
  }

 private:
  std::vector<TaskInput> items_;
  size_t together_;
};

class Run {
 public:
  Run(const Plan& plan, std::span<const TaskInput> items, const Call& call)
      : plan_(plan), turns_(items, items_of_query(plan, items.size())), call_(call) {}

  Result<Recording> run() {
    recording_.turns = turns_.count();
    ACCEL_TRY(warm_up());
    if (plan_.scenario == Scenario::kServer) lay_out_arrivals();
    began_ = Clock::now();
    MemoryWatch watch(began_);
    on_threads([this] { work(); });
    recording_.memory = watch.stop();
    ACCEL_TRY(failure_);
    std::ranges::sort(recording_.queries, {}, &Query::ended);
    recording_.wall_s = recording_.queries.empty() ? 0 : recording_.queries.back().ended;
    return std::move(recording_);
  }

 private:
  static size_t items_of_query(const Plan& plan, size_t items) {
    if (plan.scenario == Scenario::kOffline) return items;
    return plan.scenario == Scenario::kMultiStream ? plan.together : 1;
  }

  int thread_count() const {
    if (plan_.scenario == Scenario::kServer) return kServerThreads;
    return plan_.scenario == Scenario::kClients ? plan_.clients : 1;
  }

  // As many threads as will measure, each once through all items: an engine chooses its kernels for
  // each new shape, and each of its streams for itself.
  Status warm_up() {
    const auto began = Clock::now();
    ACCEL_ASSIGN(Reply first, call_(turns_.at(0)));
    recording_.first_s = seconds_since(began);
    recording_.report = std::move(first.report);
    std::atomic<uint64_t> asked = 1;
    const auto round = [&] {
      for (uint64_t i = 0; i < turns_.count() && seconds_since(began) < plan_.seconds; ++i) {
        const Status status = call_(turns_.at(i)).status();
        ++asked;
        if (status.ok()) continue;
        const std::lock_guard lock(mutex_);
        if (failure_.ok()) failure_ = status;
        return;
      }
    };
    on_threads(round);
    recording_.warmup_queries = asked;
    recording_.warmup_s = seconds_since(began);
    return failure_;
  }

  template <class Work>
  void on_threads(const Work& work) {
    std::vector<std::thread> threads;
    for (int i = 1; i < thread_count(); ++i) threads.emplace_back(work);
    work();
    for (std::thread& thread : threads) thread.join();
  }

  void lay_out_arrivals() {
    const double expected =
        plan_.queries > 0 ? static_cast<double>(plan_.queries) : plan_.per_second * plan_.seconds;
    const auto count = static_cast<size_t>(std::max(1.0, expected));
    arrivals_ = poisson_arrivals(plan_.per_second, count, plan_.seed);
  }

  // When query `i` is due, or that there is none.
  std::optional<double> due(uint64_t i) const {
    if (plan_.scenario == Scenario::kServer) {
      if (i >= arrivals_.size()) return std::nullopt;
      return arrivals_[i];
    }
    const double now = seconds_since(began_);
    const bool more = plan_.queries > 0 ? i < plan_.queries : i == 0 || now < plan_.seconds;
    return more ? std::optional(now) : std::nullopt;
  }

  void work() {
    hardware::name_this_thread("accel-bench");
    while (!failed_) {
      const uint64_t i = next_++;
      const std::optional<double> due = this->due(i);
      if (!due) return;
      std::this_thread::sleep_until(began_ + std::chrono::duration_cast<Clock::duration>(
                                                 std::chrono::duration<double>(*due)));
      Query query{.due = *due, .began = seconds_since(began_)};
      const auto items = turns_.at(i);
      query.items = items.size();
      const Result<Reply> reply = call_(items);
      query.ended = seconds_since(began_);
      keep(query, reply);
    }
  }

  void keep(Query query, const Result<Reply>& reply) {
    const std::lock_guard lock(mutex_);
    if (!reply.ok()) {
      if (failure_.ok()) failure_ = reply.status();
      failed_ = true;
      return;
    }
    query.phases = phases_of(*reply, query.began - query.due, query.ended - query.began);
    recording_.items += query.items;
    recording_.tokens += reply->tokens;
    recording_.padded_tokens += reply->padded_tokens;
    recording_.queries.push_back(query);
  }

  const Plan& plan_;
  const Turns turns_;
  const Call& call_;
  std::vector<double> arrivals_;
  Clock::time_point began_;
  std::atomic<uint64_t> next_ = 0;
  std::atomic<bool> failed_ = false;
  std::mutex mutex_;
  Recording recording_;  // guarded by mutex_ while there are threads, as is the next
  Status failure_;
};

}  // namespace

Result<Recording> run_scenario(const Plan& plan, std::span<const TaskInput> items,
                               const Call& call) {
  return Run(plan, items, call).run();
}

}  // namespace accel::measure
