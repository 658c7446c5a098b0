// Where a file of options is looked for when none is named.
#pragma once

#include <string>
#include <vector>

#include "config/layer.h"

namespace accel::config {

// Those that are looked at when $ACCEL_CONFIG says nothing, in their order. Pure.
std::vector<std::string> places(const Variable& variable);

// Config::find_file().
std::string find_file(const Variable& variable);

}  // namespace accel::config
