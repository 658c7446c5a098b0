#include "cli/media_files.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <glob.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <span>

#include "base/files.h"
#include "base/try.h"

namespace accel::cli {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kFileBytesMax = uint64_t{1} << 30;
constexpr std::string_view kImages[] = {".bmp", ".gif", ".jpe", ".jpeg", ".jpg", ".png", ".webp"};
constexpr std::string_view kSounds[] = {".flac", ".mp3", ".oga", ".ogg", ".opus", ".wav"};

std::span<const std::string_view> suffixes(std::string_view kind) {
  if (kind == "audio") return kSounds;
  return kImages;
}

bool has_suffix(const fs::path& path, std::string_view kind) {
  std::string suffix = path.extension().string();
  std::ranges::transform(suffix, suffix.begin(), [](unsigned char c) { return std::tolower(c); });
  return std::ranges::find(suffixes(kind), suffix) != suffixes(kind).end();
}

Result<std::vector<std::string>> files_below(const fs::path& folder, std::string_view kind) {
  std::vector<std::string> files;
  std::error_code error;
  fs::recursive_directory_iterator at(folder, fs::directory_options::skip_permission_denied, error);
  for (; !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
    std::error_code ignored;
    if (at->is_regular_file(ignored) && has_suffix(at->path(), kind)) {
      files.push_back(at->path().string());
    }
  }
  if (error) return errno_status(error.value(), "read", folder.string());
  if (files.empty()) {
    return not_found(fmt::format("{}: expected files of a kind that is known ({}), found none",
                                 folder.string(), fmt::join(suffixes(kind), ", ")));
  }
  std::ranges::sort(files);
  return files;
}

Result<std::vector<std::string>> matches(const std::string& pattern) {
  glob_t found{};
  const int code = ::glob(pattern.c_str(), 0, nullptr, &found);
  std::vector<std::string> files;
  for (size_t i = 0; code == 0 && i < found.gl_pathc; ++i) files.emplace_back(found.gl_pathv[i]);
  ::globfree(&found);
  if (files.empty()) return not_found(pattern + ": expected a file, or a pattern of some");
  return files;
}

}  // namespace

Result<std::vector<std::string>> media_files(const std::vector<std::string>& arguments,
                                             std::string_view kind) {
  std::vector<std::string> files;
  for (const std::string& argument : arguments) {
    std::error_code error;
    std::vector<std::string> some = {argument};
    if (fs::is_directory(argument, error)) {
      ACCEL_ASSIGN(some, files_below(argument, kind));
    } else if (!fs::exists(argument, error) && argument.find_first_of("*?[") != std::string::npos) {
      ACCEL_ASSIGN(some, matches(argument));
    }
    files.insert(files.end(), some.begin(), some.end());
  }
  return files;
}

Result<std::string> read_media(const std::string& path) { return read_file(path, kFileBytesMax); }

}  // namespace accel::cli
