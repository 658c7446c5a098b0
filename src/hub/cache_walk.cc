#include "hub/cache_walk.h"

#include <algorithm>
#include <system_error>

namespace accel::hub {
namespace {

namespace fs = std::filesystem;

constexpr size_t kFilesBelowMax = 200'000;

}  // namespace

bool is_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

uint64_t file_bytes(const fs::path& path) {
  std::error_code error;
  const uint64_t bytes = fs::file_size(path, error);
  return error ? 0 : bytes;
}

std::vector<fs::path> folders_in(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code error;
  fs::directory_iterator at(folder, fs::directory_options::skip_permission_denied, error);
  for (; !error && at != fs::directory_iterator(); at.increment(error)) {
    if (is_folder(at->path())) found.push_back(at->path());
  }
  std::ranges::sort(found);
  return found;
}

std::vector<fs::path> files_below(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code error;
  fs::recursive_directory_iterator at(folder, fs::directory_options::skip_permission_denied, error);
  for (; !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
    std::error_code gone;
    if (at->symlink_status(gone).type() != fs::file_type::directory) found.push_back(at->path());
    if (found.size() >= kFilesBelowMax) break;
  }
  std::ranges::sort(found);
  return found;
}

}  // namespace accel::hub
