#include "cli/file_looks.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

namespace accel::cli {
namespace {

namespace fs = std::filesystem;

// A folder's own, its entries' and theirs.
constexpr int kLevels = 2;

std::string look_of(const fs::path& path, int levels) {
  std::error_code ignored;
  if (!fs::is_directory(path, ignored)) {
    return fmt::format("{} {}", fs::last_write_time(path, ignored).time_since_epoch().count(),
                       fs::file_size(path, ignored));
  }
  std::vector<std::string> entries;
  if (levels > 0) {
    std::error_code error;
    for (fs::directory_iterator at(path, error); !error && at != fs::directory_iterator();
         at.increment(error)) {
      entries.push_back(
          fmt::format("{}: {}\n", at->path().filename().string(), look_of(*at, levels - 1)));
    }
  }
  std::ranges::sort(entries);
  std::string look = "folder\n";
  for (const std::string& entry : entries) look += entry;
  return look;
}

}  // namespace

FileLooks look_at(const std::vector<std::string>& paths) {
  FileLooks looks;
  for (const std::string& path : paths) looks[path] = look_of(path, kLevels);
  return looks;
}

FileLooks look_again(const FileLooks& looks) {
  FileLooks again;
  for (const auto& [path, look] : looks) again[path] = look_of(path, kLevels);
  return again;
}

}  // namespace accel::cli
