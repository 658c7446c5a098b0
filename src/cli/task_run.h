// The work of `accel run`: items from a source through a task to an output, in order, with reading,
// computing and writing at the same time and everything in between bounded.
#pragma once

#include <cstdint>
#include <functional>

#include "accel/engine.h"
#include "cli/interrupt.h"
#include "cli/task_input.h"
#include "cli/task_output.h"

namespace accel::cli {

struct TaskTally {
  uint64_t items = 0;
  uint64_t failed = 0;
  Status first_failure;      // of an item
  bool interrupted = false;  // by a signal; what was written are whole records
};

struct TaskRun {
  TaskStream& stream;
  TaskSource& source;
  const std::function<Status(TaskRecord)>& write;
  const Interrupt& interrupt;  // the source stops with it too
  bool progress = false;       // a bar on standard error, if that is a terminal
};

// Runs to the end of the source. An item that fails is written as such and counted; an interrupt
// ends the run early, and the tally says so; an error of the source or the output ends it.
Status run_task(const TaskRun& run, TaskTally& tally);

}  // namespace accel::cli
