// Programs of accel's own that it starts: accel-probe, accel-worker.
#pragma once

#include <filesystem>
#include <optional>
#include <string_view>

namespace accel::engine {

// Beside the program or library that holds this code, or where an installation puts it; nothing
// where it is not.
std::optional<std::filesystem::path> find_installed_program(std::string_view name);

}  // namespace accel::engine
