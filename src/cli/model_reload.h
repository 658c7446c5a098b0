// Keeps the models of a manager as the arguments and files of a server ask for them.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "accel/engine.h"
#include "accel/model_manager.h"
#include "base/work_queue.h"
#include "cli/reload_plan.h"
#include "server/sight/loss_counts.h"

namespace accel::cli {

struct ModelReloadOptions {
  // On a thread of its own but for the first time, as `done`.
  std::function<Result<ServedSetup>()> read;
  bool lazy = false;  // what is new is loaded by the first who asks for it
  std::function<void()> done = {};
};

// Safe from any thread.
class ModelReload {
 public:
  // Defines what `setup` has; nothing is loaded. `engine` and `manager` outlive it.
  static Result<std::unique_ptr<ModelReload>> create(Engine& engine, ModelManager& manager,
                                                     ServedSetup setup, ModelReloadOptions options);
  // Waits for the load under way, and takes no other.
  ~ModelReload();

  // Reads the setup and takes over what has changed, soon; what is asked for before that begins
  // again is the same. Notices tell what came of it. An error changes nothing.
  void ask();
  server::ReloadCounts counts() const;
  // Whether a file of the last setup that was read, taken or not, has changed since.
  bool files_changed() const;

 private:
  ModelReload(Engine& engine, ModelManager& manager, ModelReloadOptions options);
  void reload();
  FileLooks looks_read() const;
  Status take(ServedSetup setup, bool load_new, bool first);

  Engine& engine_;
  ModelManager& manager_;
  const ModelReloadOptions options_;
  std::atomic<bool> asked_ = false;
  std::atomic<bool> ending_ = false;

  mutable std::mutex mutex_;
  // Guarded by mutex_:
  ServedSetup now_;
  FileLooks looks_;  // of the files when they were read last
  server::ReloadCounts counts_;

  WorkQueue queue_;  // ends first
};

}  // namespace accel::cli
