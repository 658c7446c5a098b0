#include "ovms/version_folders.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <set>

#include "base/files.h"
#include "base/try.h"

namespace accel::ovms {
namespace {

namespace fs = std::filesystem;

constexpr size_t kFoldersMax = 1024;

// Of the files that a model can be of. A folder of a checkpoint has a config.json.
constexpr std::array<std::string_view, 7> kSuffixes{".xml",  ".onnx",    ".pb",  ".tflite",
                                                    ".gguf", ".pdmodel", ".json"};

// A version as a folder's name; 0: it is none.
int version_of_name(const std::string& name) {
  int version = 0;
  const char* const end = name.data() + name.size();
  const auto [rest, error] = std::from_chars(name.data(), end, version);
  const bool number = error == std::errc() && rest == end && name[0] != '0';
  return number ? std::max(version, 0) : 0;
}

Result<std::vector<int>> numbered_folders(const fs::path& base) {
  std::vector<int> versions;
  std::error_code error;
  fs::directory_iterator at(base, error);
  for (; !error && at != fs::directory_iterator(); at.increment(error)) {
    std::error_code ignored;
    const int version = version_of_name(at->path().filename().string());
    if (version == 0 || !at->is_directory(ignored)) continue;
    if (versions.size() == kFoldersMax) {
      return resource_exhausted(
          fmt::format("{}: expected at most {} versions, found more", base.string(), kFoldersMax));
    }
    versions.push_back(version);
  }
  if (error) return errno_status(error.value(), "reading", base.string());
  std::ranges::sort(versions);
  return versions;
}

// What a folder has of a model.
struct Contents {
  bool model = false;
  bool mapping = false;
  std::string half;  // an .xml without its .bin
};

Contents contents_of(const fs::path& folder) {
  Contents contents;
  std::error_code error;
  for (fs::directory_iterator at(folder, error); !error && at != fs::directory_iterator();
       at.increment(error)) {
    const fs::path path = at->path();
    std::error_code ignored;
    if (path.filename() == "mapping_config.json") {
      contents.mapping = true;
    } else if (path.extension() == ".xml" &&
               !fs::exists(fs::path(path).replace_extension(".bin"), ignored)) {
      contents.half = path.filename().string();
    } else if (std::ranges::find(kSuffixes, path.extension()) != kSuffixes.end() &&
               (path.extension() != ".json" || path.filename() == "config.json")) {
      contents.model = true;
    }
  }
  return contents;
}

// False, with a notice: nothing is to be served of this folder.
bool has_model(const fs::path& folder, Notices& notices) {
  const Contents contents = contents_of(folder);
  if (contents.mapping) {
    notices.push_back((folder / "mapping_config.json").string() +
                      ": has no effect: tensors keep the names that the graph gives them");
  }
  if (!contents.half.empty()) {
    notices.push_back(fmt::format("{}: passed over: expected the weights of {} beside it, found "
                                  "none",
                                  folder.string(), contents.half));
  } else if (!contents.model) {
    notices.push_back(
        fmt::format("{}: passed over: expected a model in it, found none", folder.string()));
  }
  return contents.half.empty() && contents.model;
}

}  // namespace

Result<FoundVersions> find_versions(const ModelEntry& entry) {
  const fs::path base = entry.base_path;
  std::error_code error;
  FoundVersions found;
  if (fs::is_regular_file(base, error)) {
    found.versions = {{1, base}};
    return found;
  }
  if (!fs::is_directory(base, error)) {
    return not_found(fmt::format("{}: expected a folder with versions 1, 2 ..., found none there",
                                 base.string()));
  }
  ACCEL_ASSIGN(const std::vector<int> folders, numbered_folders(base));
  if (folders.empty() && contents_of(base).model) {
    found.versions = {{1, base}};
    return found;
  }
  std::vector<int> present;
  for (const int version : folders) {
    if (has_model(base / std::to_string(version), found.notices)) present.push_back(version);
  }
  for (const int version : chosen_versions(entry.policy, present)) {
    found.versions.push_back({version, base / std::to_string(version)});
  }
  if (!found.versions.empty()) {
    if (found.versions.size() < entry.policy.versions.size()) {
      found.notices.push_back(fmt::format("{}: expected the versions {}, found {} of them",
                                          base.string(), to_text(entry.policy),
                                          found.versions.size()));
    }
    return found;
  }
  std::string text =
      fmt::format("{}: expected folders 1, 2 ... with a model in each, found none", base.string());
  if (!present.empty()) text += fmt::format(" of the versions {}", to_text(entry.policy));
  for (const std::string& notice : found.notices) text += "; " + notice;
  return not_found(std::move(text));
}

}  // namespace accel::ovms
