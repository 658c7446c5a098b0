#include "accel/accelerate.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>
#include <tuple>

#include "accel/model_manager.h"
#include "base/try.h"
#include "engine/path_choice.h"
#include "hardware/acceleration_switch.h"
#include "hardware/threads.h"

namespace accel {
namespace engine {
namespace {

constexpr size_t kModelNamesMax = 1024;
constexpr int kRunningMax = 256;

// The names that other programs give tasks, as the Hub has them; empty: what the model is for.
std::string hub_task(const std::string& task) {
  if (task == "inference") return "";
  return task == "embedding" || task == "embeddings" ? "sentence-embedding" : task;
}

// A success has an answer for every item.
Status verdict_of(const RunResult& result) {
  for (size_t i = 0; i < result.items.size(); ++i) {
    if (result.items[i].ok()) continue;
    return result.items[i].status().with_context(
        fmt::format("item {} of {}", i + 1, result.items.size()));
  }
  return {};
}

bool has_ended(TaskState state) {
  return state != TaskState::kPending && state != TaskState::kRunning;
}

class LocalAccelerateManager : public AccelerateManager {
 public:
  LocalAccelerateManager(Engine& engine, const AccelerateOptions& options,
                         std::unique_ptr<ModelManager> models)
      : engine_(engine), options_(options), models_(std::move(models)) {
    for (int i = 0; i < options.running_max; ++i) {
      workers_.emplace_back([this] { work(); });
    }
  }
  ~LocalAccelerateManager() override;

  AcceleratedRun run(const std::string& model, std::vector<TaskInput> data,
                     const std::string& task) override;
  Status submit(AcceleratedTask task) override;
  Result<TaskState> state(const std::string& id) const override;
  Result<AcceleratedRun> wait(const std::string& id, double seconds_max) override;
  Status cancel(const std::string& id) override;
  TaskCounts counts() const override;

 private:
  struct Entry {
    AcceleratedTask task;
    uint64_t sequence = 0;
    TaskState state = TaskState::kPending;
    AcceleratedRun outcome;
  };
  using Entries = std::map<std::string, Entry>;

  // What is to be run on which path.
  struct Wanted {
    std::string model;
    std::string task;
    bool local = false;
  };
  // What names_ knows it by. Another position of the switch is another model: what is loaded keeps
  // what it was loaded on.
  static std::string key_of(const Wanted& wanted);
  bool is_loaded(const Wanted& wanted) const;
  // By the options, and where they leave it open by what the items take; said in `reason`.
  Wanted wanted_for(const std::string& model, const std::string& task, size_t items,
                    std::string& reason);
  // A lease of the model for the task, loaded where options and switch say now.
  Result<ModelLease> acquire(const Wanted& wanted);
  Result<LoadOptions> load_options(const Wanted& wanted);
  void work();
  // With mutex_ held:
  Entries::iterator next_pending();
  void end(Entries::iterator entry, TaskState state);
  Result<Entries::const_iterator> find(const std::string& id) const;

  Engine& engine_;
  const AccelerateOptions options_;
  const std::unique_ptr<ModelManager> models_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_:
  bool stopping_ = false;
  uint64_t sequence_ = 0;
  Entries entries_;
  std::deque<std::string> finished_;  // ids, the oldest first
  TaskCounts counts_;
  std::map<std::string, std::string> names_;  // of the manager's models, by what they are for

  std::vector<std::jthread> workers_;
};

LocalAccelerateManager::~LocalAccelerateManager() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    for (auto entry = next_pending(); entry != entries_.end(); entry = next_pending()) {
      entry->second.outcome.status = cancelled("the manager ended");
      end(entry, TaskState::kCancelled);
    }
  }
  changed_.notify_all();
  workers_.clear();  // joins
}

std::string LocalAccelerateManager::key_of(const Wanted& wanted) {
  return fmt::format("{}\n{}\n{}\n{}", wanted.model, wanted.task, wanted.local,
                     hardware::read_acceleration_switch().enabled);
}

bool LocalAccelerateManager::is_loaded(const Wanted& wanted) const {
  std::string name;
  {
    const std::lock_guard lock(mutex_);
    const auto known = names_.find(key_of(wanted));
    if (known == names_.end()) return false;
    name = known->second;
  }
  return std::ranges::any_of(models_->models(), [&](const ManagedModel& one) {
    return one.name == name && one.state == ModelState::kLoaded;
  });
}

LocalAccelerateManager::Wanted LocalAccelerateManager::wanted_for(const std::string& model,
                                                                  const std::string& task,
                                                                  size_t items,
                                                                  std::string& reason) {
  Wanted wanted{.model = model, .task = task, .local = !options_.use_accelerate};
  const bool open = options_.quickest_path && !wanted.local && !options_.hardware &&
                    hardware::read_acceleration_switch().enabled;
  if (!open) return wanted;
  PathChoice choice = choose_path(
      engine_.path_costs(model),
      {.local = is_loaded({model, task, true}), .accelerated = is_loaded({model, task, false})},
      items);
  wanted.local = choice.local;
  reason = std::move(choice.reason);
  return wanted;
}

Result<LoadOptions> LocalAccelerateManager::load_options(const Wanted& wanted) {
  LoadOptions load{
      .path = wanted.model, .local = wanted.local, .task = wanted.task, .use = Use::kRun};
  if (load.local || !options_.hardware) return load;
  const ComputeBackend backend = get_compute_backend(engine_, options_.hardware);
  ACCEL_TRY(backend.status());
  load.backend = backend.backend();
  load.device = backend.device();
  return load;
}

Result<ModelLease> LocalAccelerateManager::acquire(const Wanted& wanted) {
  const std::string what = key_of(wanted);
  std::string name;
  {
    const std::lock_guard lock(mutex_);
    const auto known = names_.find(what);
    if (known != names_.end()) name = known->second;
  }
  if (name.empty()) {
    ACCEL_ASSIGN(LoadOptions load, load_options(wanted));
    const std::lock_guard lock(mutex_);
    if (names_.size() == kModelNamesMax) {
      return resource_exhausted(fmt::format("expected at most {} different models and tasks; "
                                            "make another manager",
                                            kModelNamesMax));
    }
    const auto [entry, made] = names_.emplace(what, fmt::format("model-{}", names_.size()));
    name = entry->second;
    if (made) ACCEL_TRY(models_->define({.name = name, .load = std::move(load)}));
  }
  return models_->acquire(name);
}

AcceleratedRun LocalAccelerateManager::run(const std::string& model, std::vector<TaskInput> data,
                                           const std::string& task) {
  AcceleratedRun done{.status = {},
                      .model = model,
                      .task = hub_task(task),
                      .backend = {},
                      .path_reason = {},
                      .result = {}};
  if (data.empty()) {
    done.status = invalid_argument("expected at least one item of data, found none");
    return done;
  }
  const Result<ModelLease> lease =
      acquire(wanted_for(model, done.task, data.size(), done.path_reason));
  if (!lease.ok()) {
    done.status = lease.status();
    return done;
  }
  Result<RunResult> result = (*lease)->run(std::move(data), {.task = done.task, .options = {}});
  if (!result.ok()) {
    done.status = result.status();
    return done;
  }
  done.status = verdict_of(*result);
  done.task = result->task;
  done.backend = result->report.backend;
  done.result = std::move(*result);
  return done;
}

Status LocalAccelerateManager::submit(AcceleratedTask task) {
  if (task.id.empty()) return invalid_argument("expected an id for the task, found none");
  {
    const std::lock_guard lock(mutex_);
    if (entries_.contains(task.id)) {
      return already_exists(
          fmt::format("task '{}' was submitted before; expected another id", task.id));
    }
    if (counts_.pending >= options_.pending_max) {
      return resource_exhausted(fmt::format("{} tasks are waiting, and no more may; submit '{}' "
                                            "again when some have ended",
                                            counts_.pending, task.id));
    }
    ++counts_.pending;
    std::string id = task.id;
    entries_.emplace(std::move(id), Entry{.task = std::move(task),
                                          .sequence = ++sequence_,
                                          .state = TaskState::kPending,
                                          .outcome = {}});
  }
  changed_.notify_all();
  return {};
}

LocalAccelerateManager::Entries::iterator LocalAccelerateManager::next_pending() {
  auto best = entries_.end();
  for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
    if (entry->second.state != TaskState::kPending) continue;
    const auto rank = [](const Entry& one) {
      return std::make_tuple(-static_cast<int64_t>(one.task.priority), one.sequence);
    };
    if (best == entries_.end() || rank(entry->second) < rank(best->second)) best = entry;
  }
  return best;
}

void LocalAccelerateManager::end(Entries::iterator entry, TaskState state) {
  (entry->second.state == TaskState::kRunning ? counts_.running : counts_.pending) -= 1;
  entry->second.state = state;
  entry->second.task.data.clear();
  switch (state) {
    case TaskState::kCompleted: ++counts_.completed; break;
    case TaskState::kFailed: ++counts_.failed; break;
    default: ++counts_.cancelled; break;
  }
  finished_.push_back(entry->first);
  if (finished_.size() > options_.finished_max) {
    entries_.erase(finished_.front());
    finished_.pop_front();
  }
}

void LocalAccelerateManager::work() {
  hardware::name_this_thread("accel-tasks");
  std::unique_lock lock(mutex_);
  while (true) {
    auto entry = entries_.end();
    changed_.wait(lock, [&] {
      entry = next_pending();
      return stopping_ || entry != entries_.end();
    });
    if (stopping_) return;
    entry->second.state = TaskState::kRunning;
    --counts_.pending;
    ++counts_.running;
    AcceleratedTask task = std::move(entry->second.task);
    lock.unlock();
    AcceleratedRun outcome = run(task.model, std::move(task.data), task.task);
    lock.lock();
    // Nobody erases a task that is running; places in a map stay.
    const bool fine = outcome.status.ok();
    entry->second.outcome = std::move(outcome);
    end(entry, fine ? TaskState::kCompleted : TaskState::kFailed);
    changed_.notify_all();
  }
}

Result<LocalAccelerateManager::Entries::const_iterator> LocalAccelerateManager::find(
    const std::string& id) const {
  const auto entry = entries_.find(id);
  if (entry != entries_.end()) return entry;
  return not_found(fmt::format("task '{}' is not known: it was not submitted, or it ended and {} "
                               "others did after it",
                               id, options_.finished_max));
}

Result<TaskState> LocalAccelerateManager::state(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  ACCEL_ASSIGN(const auto entry, find(id));
  return entry->second.state;
}

Result<AcceleratedRun> LocalAccelerateManager::wait(const std::string& id, double seconds_max) {
  const auto end = std::chrono::steady_clock::now() +
                   std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                       std::chrono::duration<double>(std::clamp(seconds_max, 0.0, 1e8)));
  std::unique_lock lock(mutex_);
  while (true) {
    ACCEL_ASSIGN(const auto entry, find(id));  // it may be forgotten meanwhile
    if (has_ended(entry->second.state)) return entry->second.outcome;
    if (changed_.wait_until(lock, end) == std::cv_status::timeout) {
      ACCEL_ASSIGN(const auto late, find(id));
      if (has_ended(late->second.state)) return late->second.outcome;
      return deadline_exceeded(fmt::format("task '{}' is {} after {} s", id,
                                           to_string(late->second.state), seconds_max));
    }
  }
}

Status LocalAccelerateManager::cancel(const std::string& id) {
  {
    const std::lock_guard lock(mutex_);
    ACCEL_TRY(find(id).status());
    const auto entry = entries_.find(id);
    if (entry->second.state != TaskState::kPending) {
      return failed_precondition(fmt::format("task '{}' is {}: only one that is pending can be "
                                             "cancelled",
                                             id, to_string(entry->second.state)));
    }
    entry->second.outcome.status = cancelled(fmt::format("task '{}' was cancelled", id));
    entry->second.outcome.model = entry->second.task.model;
    end(entry, TaskState::kCancelled);
  }
  changed_.notify_all();
  return {};
}

TaskCounts LocalAccelerateManager::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

}  // namespace
}  // namespace engine

std::string_view to_string(TaskState state) {
  switch (state) {
    case TaskState::kPending: return "pending";
    case TaskState::kRunning: return "running";
    case TaskState::kCompleted: return "completed";
    case TaskState::kFailed: return "failed";
    case TaskState::kCancelled: return "cancelled";
  }
  return "";
}

Result<std::unique_ptr<AccelerateManager>> AccelerateManager::create(
    Engine& engine, const AccelerateOptions& options) {
  if (options.running_max < 1 || options.running_max > engine::kRunningMax ||
      options.pending_max < 1 || options.finished_max < 1 || options.idle_seconds_max < 0) {
    return invalid_argument(fmt::format(
        "expected running_max from 1 to {}, pending_max and finished_max of at least 1 and "
        "idle_seconds_max of at least 0, found {}, {}, {} and {}",
        engine::kRunningMax, options.running_max, options.pending_max, options.finished_max,
        options.idle_seconds_max));
  }
  ACCEL_ASSIGN(auto models,
               ModelManager::create(engine, {.idle_seconds_max = options.idle_seconds_max}));
  return std::unique_ptr<AccelerateManager>(
      std::make_unique<engine::LocalAccelerateManager>(engine, options, std::move(models)));
}

}  // namespace accel
