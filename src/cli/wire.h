// The one place that constructs what the commands work with.
#pragma once

#include <filesystem>
#include <memory>
#include <string_view>

#include "accel/engine.h"

namespace accel::cli {

// The engine of this process, with its settings from the environment. Loads no plug-in and looks
// for no device: that happens when it is asked. `simulated_devices` is the value of
// --simulate-device, "GPU.1,NPU"; commands that measure leave it out.
Result<std::unique_ptr<Engine>> make_engine(std::string_view simulated_devices = {});

// What is installed beside the program: <prefix>/share/accel for <prefix>/bin/accel.
Result<std::filesystem::path> share_folder();

}  // namespace accel::cli
