// Names of files that come out of a file: entries of an archive, shards in an index.
#pragma once

#include <string_view>

#include "accel/status.h"

namespace accel::tensors {

// INVALID_ARGUMENT for a name that is empty, not UTF-8, absolute, or contains a ".." part, a
// backslash or a control character: below a folder, any other name stays below it.
Status check_file_name(std::string_view name);

}  // namespace accel::tensors
