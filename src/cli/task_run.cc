#include "cli/task_run.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "base/try.h"
#include "cli/progress.h"
#include "hardware/threads.h"

namespace accel::cli {
namespace {

constexpr size_t kItemsUnderWayMax = 4096;
constexpr size_t kShownOfItemMax = 400;

// What belongs to an item besides its answer, from the reader to the writer.
struct Companion {
  Status failure;  // it never went in
  nlohmann::ordered_json carried;
  std::string shown;
  std::string file;
  uint64_t position = 0;
};

class Companions {
 public:
  // Waits while too many are under way. False when closed.
  bool put(Companion one) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return closed_ || items_.size() < kItemsUnderWayMax; });
    if (closed_) return false;
    items_.push_back(std::move(one));
    changed_.notify_all();
    return true;
  }

  // nullopt when closed and empty.
  std::optional<Companion> take() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return closed_ || !items_.empty(); });
    if (items_.empty()) return std::nullopt;
    Companion one = std::move(items_.front());
    items_.pop_front();
    changed_.notify_all();
    return one;
  }

  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Companion> items_;  // guarded by mutex_, as is the next
  bool closed_ = false;
};

// Two threads: the reader pushes items, the caller's own pulls answers and writes.
class TaskPump {
 public:
  TaskPump(const TaskRun& run, TaskTally& tally) : run_(run), tally_(tally) {}

  Status run() {
    std::thread reader([this] { read(); });
    const Status written = write();
    run_.stream.cancel();  // whatever is still going on belongs to nobody now
    companions_.close();
    run_.interrupt.stop();
    reader.join();
    tally_.interrupted = run_.interrupt.signalled() && !read_all_;
    ACCEL_TRY(written);
    return tally_.interrupted ? Status() : read_status_;
  }

 private:
  void read() {
    hardware::name_this_thread("accel-read");
    read_status_ = push_all();
    run_.stream.close();
    companions_.close();
  }

  Status push_all() {
    while (!run_.interrupt.signalled()) {
      ACCEL_ASSIGN(std::optional<TaskItem> item, run_.source.next());
      if (!item) {
        read_all_ = true;
        return {};
      }
      Companion companion{.failure = item->input.status(),
                          .carried = std::move(item->carried),
                          .position = item->position};
      if (item->input.ok()) {
        companion.shown =
            item->file.empty() ? item->input->text.substr(0, kShownOfItemMax) : item->file;
      }
      companion.file = std::move(item->file);
      if (!companions_.put(std::move(companion))) return {};
      if (item->input.ok()) ACCEL_TRY(run_.stream.push(std::move(*item->input)));
    }
    return {};
  }

  Status write() {
    Progress progress(run_.progress);
    const auto size = run_.source.size_bytes();
    while (std::optional<Companion> one = companions_.take()) {
      if (run_.interrupt.signalled()) return {};
      std::optional<Result<TaskResult>> result;
      if (one->failure.ok()) {
        result = run_.stream.next();
        if (!result) return {};
      } else {
        result.emplace(one->failure);
      }
      if (run_.interrupt.signalled() && result->status().code() == StatusCode::kCancelled)
        return {};
      if (!result->ok()) {
        if (tally_.failed++ == 0) tally_.first_failure = result->status();
      }
      ACCEL_TRY(run_.write({.index = tally_.items++,
                            .carried = std::move(one->carried),
                            .shown = std::move(one->shown),
                            .file = std::move(one->file),
                            .result = std::move(*result)}));
      const bool known = size && *size > 0;
      progress.update(tally_.items, known ? std::optional(static_cast<double>(one->position) /
                                                          static_cast<double>(*size))
                                          : std::nullopt);
    }
    return {};
  }

  const TaskRun& run_;
  TaskTally& tally_;
  Companions companions_;
  // Of the reader; read when it has ended:
  Status read_status_;
  bool read_all_ = false;
};

}  // namespace

Status run_task(const TaskRun& run, TaskTally& tally) { return TaskPump(run, tally).run(); }

}  // namespace accel::cli
