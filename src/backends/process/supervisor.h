// A worker process that is started, watched, and started again after it ended.
#pragma once

#include <sys/types.h>

#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "accel/status.h"
#include "backend/backend.h"
#include "backends/process/channel.h"
#include "base/stopwatch.h"

namespace accel::backend {

struct SupervisorOptions {
  // Gets its end of the channel as descriptor 3, and the process id of this process as argument.
  std::filesystem::path program;
  std::vector<int> cores;      // that it is bound to; empty: those of this process
  std::string what;            // runs there, for messages: "openvino on CPU"
  double start_seconds = 600;  // it is killed when it is not ready after so long
};

// Safe from any thread. A thread of its own starts the process and waits for its end, so that none
// is left behind as a zombie, and so that the system, which ends the process with the thread that
// started it, does so when this process dies and not earlier.
class Supervisor {
 public:
  // What came of making a fresh process ready; `error` is its answer with kMessage.
  struct Prepared {
    Arrival arrival = Arrival::kClosed;
    Status error;
  };
  using Prepare = std::function<Prepared(Channel& control, Until until)>;

  Supervisor(SupervisorOptions options, Prepare prepare);
  ~Supervisor();  // kills the process
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  struct Running {
    uint64_t start = 0;                // which one: 1 for the first
    std::shared_ptr<Channel> control;  // the caller sees to it that one thread uses it at a time
  };
  // The process that runs, started if need be. UNAVAILABLE with the time left while it stays ended
  // (backoff.h); the error of preparing it.
  Result<Running> running();

  // For who found start number `start` silent or gone during `action`: kills it if it still lives,
  // waits for its end and says what happened, as UNAVAILABLE.
  Status failed(uint64_t start, Arrival why, double waited_seconds, std::string_view action);

  WorkerState state() const;

 private:
  enum class Phase : uint8_t { kStopped, kStarting, kReady, kEnding };
  using Lock = std::unique_lock<std::mutex>;

  void keep();
  void run_once(Lock& lock);
  void await_end(Lock& lock);
  void note_end(const std::string& how, bool ran);
  void fail_start(Status error);
  void kill_now();
  std::string next_start() const;

  const SupervisorOptions options_;
  const Prepare prepare_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_:
  Phase phase_ = Phase::kStopped;
  bool stopping_ = false;
  pid_t pid_ = 0;  // 0: none; until it has been waited for
  pid_t last_pid_ = 0;
  uint64_t start_ = 0;
  std::shared_ptr<Channel> control_;
  uint64_t failed_starts_ = 0;
  Status start_error_;    // of the last of them
  std::string cause_;     // why we ended it ourselves; empty: we did not
  std::string last_end_;  // what is known of the last end
  bool hung_ = false;     // that is the cause
  bool refused_ = false;  // it answered that it cannot be made ready
  int ends_ = 0;          // in a row
  Clock::time_point began_;
  Clock::time_point not_before_;
  WorkerState counts_;
  std::thread keeper_;  // last: uses the others
};

}  // namespace accel::backend
