// SIGINT, SIGTERM and SIGHUP as something a loop can look at and a poll can wait for.
#pragma once

#include <memory>

#include "accel/status.h"

namespace accel::cli {

// From now on a write to a pipe without a reader, or past the largest file that is allowed, fails
// instead of ending the program.
void let_writes_fail();

// While one lives, the three signals are noted instead of ending the program. One at a time in a
// process. A second signal, a second or more after the first, ends the program as usual: whoever
// asks twice does not want to wait. Members are safe from any thread.
class Interrupt {
 public:
  // The system's reason when it has no descriptor to give.
  static Result<std::unique_ptr<Interrupt>> create();
  ~Interrupt();  // the signals work as before
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  bool signalled() const;

  // A descriptor that becomes readable, for good, when a signal came or stop() was called. Nobody
  // reads from it.
  int stop_fd() const { return stop_fd_; }

  // Makes stop_fd() readable without a signal.
  void stop() const;

 private:
  explicit Interrupt(int stop_fd);
  int stop_fd_;
};

}  // namespace accel::cli
