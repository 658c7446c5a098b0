// Files for the tasks over images and sounds.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "accel/status.h"

namespace accel::cli {

// `arguments` with what they stand for: a folder for the files of `kind` ("image" or "audio") below
// it, by their suffixes; a pattern ("*.jpg") that is no file for what it matches; all else for
// itself. Sorted within each argument. NOT_FOUND for a folder or pattern with no file.
Result<std::vector<std::string>> media_files(const std::vector<std::string>& arguments,
                                             std::string_view kind);

// The bytes of a file. RESOURCE_EXHAUSTED when it has more than a gigabyte.
Result<std::string> read_media(const std::string& path);

}  // namespace accel::cli
