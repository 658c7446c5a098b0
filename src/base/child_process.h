// Another program, run to its end without a shell.
#pragma once

#include <string>
#include <vector>

#include "accel/status.h"

namespace accel {

struct ProgramEnd {
  int exit_code = 0;   // 0 as well for one that a signal ended
  int signal = 0;      // that ended it; 0: none
  std::string output;  // the last 2,000 bytes of standard output and error together
};

// Runs words[0], looked up in $PATH, with the other words and without input, and waits. NOT_FOUND
// when there is no such program, else the system's reason why it cannot be started. The caller's
// thread waits; others may run programs at the same time.
Result<ProgramEnd> run_program(std::vector<std::string> words);

}  // namespace accel
