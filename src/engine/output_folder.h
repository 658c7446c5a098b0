// A folder that appears under its name only when complete: filled beside it as
// "NAME.partial-PID", renamed by commit(), removed by the destructor otherwise, with the folders
// above it that were made for it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "accel/status.h"

namespace accel::engine {

// One owner, one thread.
class OutputFolder {
 public:
  // `replaceable` says of a folder that is there whether it may be replaced. ALREADY_EXISTS for a
  // path that is there, unless it is an empty folder or `force` is given; FAILED_PRECONDITION when
  // it is forced and not replaceable.
  static Result<std::unique_ptr<OutputFolder>> create(
      const std::filesystem::path& path, bool force,
      bool (*replaceable)(const std::filesystem::path& folder));
  ~OutputFolder();
  OutputFolder(const OutputFolder&) = delete;
  OutputFolder& operator=(const OutputFolder&) = delete;

  // Where to write now.
  const std::filesystem::path& path() const { return temporary_; }

  // Writes a file below the folder, and the folders above it. RESOURCE_EXHAUSTED for a full disk.
  Status write(const std::filesystem::path& name, std::string_view content);
  // Copies a regular file, what links lead to included.
  Status copy(const std::filesystem::path& from, const std::filesystem::path& name);

  // Renames. At most once.
  Status commit();

 private:
  OutputFolder(std::filesystem::path target, std::filesystem::path temporary)
      : target_(std::move(target)), temporary_(std::move(temporary)) {}

  std::filesystem::path target_;
  std::filesystem::path temporary_;
  std::vector<std::filesystem::path> made_;  // folders above, the lowest last
  bool committed_ = false;
};

}  // namespace accel::engine
