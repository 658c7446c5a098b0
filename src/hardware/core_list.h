// Logical CPUs by their numbers, as Linux writes them: "0-3,8".
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "accel/status.h"

namespace accel::hardware {

// Ascending; empty for a text that is no such list, or names a CPU twice, or one above 1023, the
// last that the C library's affinity masks hold.
std::vector<int> parse_core_list(std::string_view text);

// Of ascending numbers.
std::string core_list_text(std::span<const int> cores);

// Those that the scheduler may give this process.
std::vector<int> allowed_cores();

// NOT_FOUND with those that are allowed, unless all of `cores` are. Pure.
Status check_cores(std::span<const int> cores, std::span<const int> allowed);

}  // namespace accel::hardware
