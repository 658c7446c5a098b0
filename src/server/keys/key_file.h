// The file of a server's keys: read anew while the server runs, and changed by `accel keys`.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string_view>

#include "accel/status.h"
#include "server/keys/key_table.h"

namespace accel::server {

// Safe from any thread.
class KeyFile {
 public:
  // NOT_FOUND, PERMISSION_DENIED (also for a file that everybody may write), RESOURCE_EXHAUSTED for
  // a large one, INVALID_ARGUMENT as parse_key_table().
  static Result<std::unique_ptr<KeyFile>> open(std::filesystem::path path);

  // Reads the file again: from here on table() is the new one. An error leaves the former one.
  Status reload();
  std::shared_ptr<const KeyTable> table() const;

  const std::filesystem::path& path() const { return path_; }

 private:
  explicit KeyFile(std::filesystem::path path) : path_(std::move(path)) {}

  const std::filesystem::path path_;
  mutable std::mutex mutex_;
  std::shared_ptr<const KeyTable> table_;  // guarded by mutex_
};

Result<KeyTable> read_key_file(const std::filesystem::path& path);

// Adds a key to the file, which is made if there is none. Writers take turns by a lock beside the
// file; readers see the old file or the new one, which only this user can read.
Status add_key(const std::filesystem::path& path, const Key& key);

// How many keys of `name` were taken out; with `id` the one whose hash begins so.
Result<size_t> revoke_keys(const std::filesystem::path& path, std::string_view name,
                           std::string_view id = {});

}  // namespace accel::server
