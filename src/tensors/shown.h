// How a name taken from a file appears in a message.
#pragma once

#include <string>
#include <string_view>

namespace accel::tensors {

// Quoted, control characters escaped, invalid UTF-8 replaced, and clipped to 80 bytes, so that a
// hostile name can neither fill a log nor drive a terminal.
std::string shown(std::string_view name);

}  // namespace accel::tensors
