// A lock between processes that no death leaves behind: flock(2) on a file that exists while it is
// held. The kernel frees the lock when its holder ends, however it ends; the file that is then left
// is nobody's, and whoever finds it may take it or delete it.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>

#include "accel/status.h"

namespace accel::store {

// Held while it lives. One owner, one thread; two threads of one process exclude each other too.
class FileLock {
 public:
  // Waits at most `wait_max` (0: does not wait; a day at most). DEADLINE_EXCEEDED when somebody
  // else holds it to the end; else the system's reason why nothing can be locked there (a read-only
  // folder, a full disk, a file system without locks). `path` is no link.
  static Result<std::unique_ptr<FileLock>> acquire(const std::filesystem::path& path,
                                                   std::chrono::milliseconds wait_max);
  // Deletes the file `path` if no living process holds it. True when it was deleted.
  static bool remove_abandoned(const std::filesystem::path& path);

  ~FileLock();  // deletes the file, unless it was renamed
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

  // The locked file, open for reading and writing: something to write into that vanishes with its
  // writer.
  int fd() const { return fd_; }
  const std::filesystem::path& path() const { return path_; }

  // Gives what was written its final name, replacing what had it; the file now stays. Synced: after
  // a crash of the machine `target` is the old file or the whole new one.
  Status publish(const std::filesystem::path& target);

 private:
  FileLock(std::filesystem::path path, int fd) : path_(std::move(path)), fd_(fd) {}
  const std::filesystem::path path_;
  const int fd_;
  bool published_ = false;
};

}  // namespace accel::store
