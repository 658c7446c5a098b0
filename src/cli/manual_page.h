// The manual pages of the program, of what its commands declare. Pure.
#pragma once

#include <span>
#include <string>

#include "cli/flags.h"

namespace accel::cli {

// accel-COMMAND(1), in the macros of man(7).
std::string manual_page(const CommandDescription& command);
// accel(1), the list of them.
std::string manual_overview(std::span<const CommandDescription> commands);

}  // namespace accel::cli
