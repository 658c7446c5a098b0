// Letter case.
#pragma once

#include <string>
#include <string_view>

#include "accel/status.h"

namespace accel::text {

// `text` in lower case by Unicode's full mapping, as Python's str.lower(). INVALID_ARGUMENT for
// invalid UTF-8.
Result<std::string> to_lower(std::string_view text);

}  // namespace accel::text
