// The one place that constructs what the commands work with.
#pragma once

#include <filesystem>
#include <memory>

#include "accel/engine.h"

namespace accel::cli {

// The engine of this process, with its settings from the environment. Loads no plug-in and looks
// for no device: that happens when it is asked.
Result<std::unique_ptr<Engine>> make_engine();

// What is installed beside the program: <prefix>/share/accel for <prefix>/bin/accel.
Result<std::filesystem::path> share_folder();

}  // namespace accel::cli
