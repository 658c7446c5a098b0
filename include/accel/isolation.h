// Isolation: whether an engine's crash is accel's crash.
//
//   engine->load({.path = "model", .isolation = accel::Isolation::kProcess});
//
// In a worker process an engine that crashes or hangs ends the calls that it was computing, with
// UNAVAILABLE, and nothing else: the next call starts the process again. In a thread a crash ends
// accel, and a run that hangs is given up where LoadOptions::hang_seconds says when.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace accel {

enum class Isolation {
  kThread,   // the engine computes inside this process
  kProcess,  // in a supervised process of its own, with tensors in shared memory
};

constexpr std::string_view to_string(Isolation isolation) {
  return isolation == Isolation::kProcess ? "process" : "thread";
}

// A worker process of a model: one for each of its graphs on each of its devices.
struct WorkerReport {
  std::string device;    // "CPU[0-1]"
  int pid = 0;           // 0: it does not run now
  uint64_t starts = 0;   // the first included
  uint64_t crashes = 0;  // it ended by itself
  uint64_t hangs = 0;    // it was killed, because a run took longer than LoadOptions::hang_seconds
};

}  // namespace accel
