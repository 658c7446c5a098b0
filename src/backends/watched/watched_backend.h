// A backend whose runs are given up when they take too long.
//
// It is the backend that it is made of, to everybody who asks. Each session has a thread of its own
// to run on, which costs a hand-over there and back for each run. A run that has not ended in time
// ends with UNAVAILABLE for who waits. Thread, session and all that they hold are left to
// themselves until the engine returns, if it ever does, and the next run gets a new session. What
// the engine does meanwhile cannot be stopped: a process can (backends/process).
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "backend/backend.h"

namespace accel::backend {

struct WatchOptions {
  double hang_seconds = 60;  // greater than 0
  // A line for a log, of each run that was given up; from any thread. May be empty.
  std::function<void(const std::string& line)> on_hang = {};
};

std::shared_ptr<const Backend> make_watched_backend(std::shared_ptr<const Backend> inner,
                                                    WatchOptions options);

}  // namespace accel::backend
