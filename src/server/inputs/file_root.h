// FileRoot: the folder below which clients may name files.
//
//   ACCEL_ASSIGN(auto root, FileRoot::open("/data/images"));
//   ACCEL_ASSIGN(std::string bytes, root->read("/data/images/street.jpg", 64 << 20));
//
// The kernel sees to it that neither ".." nor a symbolic link leads out of it (openat2 with
// RESOLVE_BENEATH), whatever changes there meanwhile. Links within it are followed.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "accel/status.h"

namespace accel::server {

// Safe from any thread.
class FileRoot {
 public:
  // Errors are those of opening the folder; UNAVAILABLE before Linux 5.6, and where a sandbox
  // refuses openat2.
  static Result<std::unique_ptr<FileRoot>> open(const std::string& folder);
  ~FileRoot();
  FileRoot(const FileRoot&) = delete;
  FileRoot& operator=(const FileRoot&) = delete;

  // The file of an absolute path, as the folder was given or as it is really called.
  // PERMISSION_DENIED for one elsewhere, of which is not said whether it is there; NOT_FOUND;
  // INVALID_ARGUMENT for what is no regular file; RESOURCE_EXHAUSTED for more than `bytes_max`.
  Result<std::string> read(const std::string& path, uint64_t bytes_max) const;

 private:
  FileRoot(std::string given, std::string real, int fd);
  const std::string given_;  // absolute; with a slash at the end, as `real_`
  const std::string real_;
  const int fd_;
};

}  // namespace accel::server
