// The other side of a process backend: what the program accel-worker does.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "backend/backend.h"
#include "backends/process/descriptor.h"

namespace accel::backend {

// The backend of that name, or null.
using MakeBackend = std::function<std::unique_ptr<Backend>(std::string_view name)>;

// Ends this process with that one, whatever this one is doing then: even hanging or stopped. False
// when that one is gone already.
bool end_with_parent(int parent_pid);

// Answers requests on `control`, and runs on the channels that come with them, each in a thread of
// its own. Ends the process when `control` is closed, or sends what is no request.
[[noreturn]] void serve(Descriptor control, const MakeBackend& make);

}  // namespace accel::backend
