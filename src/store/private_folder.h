// A folder of this user's own, and names in it that nobody else takes.
#pragma once

#include <filesystem>
#include <string>

#include "accel/status.h"

namespace accel::store {

// Makes the folder and its parents, readable by this user alone, and looks whether one can write in
// it. INVALID_ARGUMENT for no name, else the system's reason.
Status prepare_folder(const std::filesystem::path& folder);

// 16 hexadecimal digits that differ between processes, also those of other containers.
std::string random_digits();

}  // namespace accel::store
