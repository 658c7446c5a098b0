// A backend whose compiled models run in worker processes.
//
// It is the backend that it is made of, to everybody who asks; only that an engine which crashes or
// hangs ends calls with UNAVAILABLE, and not this process. Each compiled model has a process of its
// own, which is started again by the first call after its end and compiles the same graph again,
// out of a file that is kept for that. Each session has a channel and memory of its own that it
// shares with the process, so that sessions run at the same time; a run is two short messages, one
// copy of its inputs and one of its outputs.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "backend/backend.h"

namespace accel::backend {

struct ProcessOptions {
  std::filesystem::path program;  // accel-worker
  std::string scratch_folder;     // for the files of graphs, which have no names
  // A run that takes longer is taken for hung, and the process killed; 0: never.
  double hang_seconds = 60;
  double compile_seconds = 600;  // likewise compiling, and starting before it
};

// `inner` answers here what is asked without compiling; its name says what the program makes again.
std::unique_ptr<Backend> make_process_backend(std::shared_ptr<const Backend> inner,
                                              std::string name, ProcessOptions options);

}  // namespace accel::backend
