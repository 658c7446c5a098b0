// AccelerateManager: a model's name and some data in, an answer out; at once, or as a task that is
// worked on behind the caller.
//
//   auto manager = accel::AccelerateManager::create(**engine);
//   auto done = (*manager)->run("all-MiniLM-L6-v2", {{.text = "Hello"}}, "embedding");
//   if (done.status.ok()) use(done.result->items[0]);
//
//   (*manager)->submit({.id = "embed-001", .model = "bert-base", .data = texts});
//   auto later = (*manager)->wait("embed-001");
//
// Everything is computed in this process, with the devices that the engine has: no peers, daemon or
// network. While acceleration is switched off (accel/hardware.h), and without `use_accelerate`, the
// same calls take the local path and give the same numbers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accel/engine.h"
#include "accel/hardware.h"
#include "accel/status.h"
#include "accel/task.h"

namespace accel {

struct AccelerateOptions {
  bool use_accelerate = true;  // false: the local path, always
  // Each run takes the path on which its items are through first, by what Engine::measure() found,
  // or, of a model that it has not seen, the local one for fewer than 10. A path that has the model
  // loaded needs no time for that. Not with `hardware`, nor without `use_accelerate`.
  bool quickest_path = false;
  std::optional<HardwareType> hardware;  // runs only there; none: what the engine takes by itself
  int running_max = 1;                   // tasks at the same time; each uses all threads
  size_t pending_max = 1024;             // submitted and not begun
  size_t finished_max = 1024;            // kept for wait(); the oldest is forgotten
  double idle_seconds_max = 300;         // unused for so long, a model is unloaded; 0: never
};

// What came of one run. A success has a result.
struct AcceleratedRun {
  Status status;                    // OK when every item of the data has an answer
  std::string model;                // as asked for
  std::string task;                 // the one that was run
  std::string backend;              // that computed; empty: none did
  std::string path_reason;          // of AccelerateOptions::quickest_path; else empty
  std::optional<RunResult> result;  // also beside an error, when some items have answers
};

struct AcceleratedTask {
  std::string id;  // chosen by the caller, different for each task that is not forgotten
  std::string model;
  std::vector<TaskInput> data;
  // By the Hub's name, or "embedding". Empty and "inference": what the model is for.
  std::string task = {};
  int priority = 0;  // the higher is begun first; of equals the one submitted first
};

enum class TaskState { kPending, kRunning, kCompleted, kFailed, kCancelled };

// "pending", "running", "completed", "failed", "cancelled".
ACCEL_API std::string_view to_string(TaskState state);

struct TaskCounts {
  uint64_t pending = 0;
  uint64_t running = 0;
  uint64_t completed = 0;  // these since the manager was made
  uint64_t failed = 0;
  uint64_t cancelled = 0;
};

// Safe from any thread. Its end cancels what is pending and waits for what is running.
class ACCEL_API AccelerateManager {
 public:
  // `engine` outlives the manager. INVALID_ARGUMENT for options out of their range.
  static Result<std::unique_ptr<AccelerateManager>> create(Engine& engine,
                                                           const AccelerateOptions& options = {});
  virtual ~AccelerateManager() = default;

  // Loads the model if it is not, and runs it on the caller's thread.
  virtual AcceleratedRun run(const std::string& model, std::vector<TaskInput> data,
                             const std::string& task = {}) = 0;

  // INVALID_ARGUMENT without an id, ALREADY_EXISTS for one that is known, RESOURCE_EXHAUSTED while
  // pending_max tasks wait.
  virtual Status submit(AcceleratedTask task) = 0;
  // NOT_FOUND for an id that is not known, or forgotten.
  virtual Result<TaskState> state(const std::string& id) const = 0;
  // Waits until the task has ended, and gives what came of it, as often as it is asked. A task that
  // was cancelled has the status CANCELLED. DEADLINE_EXCEEDED after so many seconds, NOT_FOUND as
  // state().
  virtual Result<AcceleratedRun> wait(const std::string& id, double seconds_max = 300) = 0;
  // FAILED_PRECONDITION for a task that has begun or ended.
  virtual Status cancel(const std::string& id) = 0;
  virtual TaskCounts counts() const = 0;
};

}  // namespace accel
