// Where the files of a model may really lie once symbolic links are followed.
#pragma once

#include <filesystem>

namespace accel::models {

// Below `folder`, or in the blobs of a Hub cache (models--NAME/blobs) of which `folder` is, or lies
// in, a snapshot (models--NAME/snapshots/REVISION). Both paths are canonical.
bool may_lie_at(const std::filesystem::path& file, const std::filesystem::path& folder);

}  // namespace accel::models
