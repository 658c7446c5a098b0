#include "models/hub_blobs.h"

#include <algorithm>

namespace accel::models {
namespace {

bool lies_below(const std::filesystem::path& path, const std::filesystem::path& folder) {
  const auto differs = std::ranges::mismatch(folder, path);
  return differs.in1 == folder.end();
}

}  // namespace

bool may_lie_at(const std::filesystem::path& file, const std::filesystem::path& folder) {
  if (lies_below(file, folder)) return true;
  const std::filesystem::path blobs = file.parent_path();
  return blobs.filename() == "blobs" && lies_below(folder, blobs.parent_path() / "snapshots");
}

}  // namespace accel::models
