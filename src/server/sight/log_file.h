// LogFile: lines appended to a file by a thread of its own, so that a slow or full disk holds up
// nobody.
//
//   ACCEL_ASSIGN(auto file, LogFile::create({.path = "requests.log", .say = warn}));
//   file->write("a line");
//   file->reload();  // after logrotate has moved the file
#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "accel/status.h"
#include "server/sight/loss_counts.h"
#include "server/sight/loss_notice.h"

namespace accel::server {

struct LogFileOptions {
  std::string path;                    // made where there is none; "-": standard output
  size_t waiting_bytes_max = 4 << 20;  // of lines not yet written; more are dropped
  Say say = {};  // told of lines that are lost (loss_notice.h); from any thread
};

// Safe from any thread.
class LogFile {
 public:
  // Errors are those of opening the file for appending.
  static Result<std::unique_ptr<LogFile>> create(LogFileOptions options);
  // What waits is written first.
  ~LogFile();
  LogFile(const LogFile&) = delete;
  LogFile& operator=(const LogFile&) = delete;

  // Does not wait for the file. `line` comes without its line feed.
  void write(std::string_view line);
  // That calls write(); not after the end of this.
  std::function<void(std::string_view line)> sink();
  // Opens the path again; lines that were not written yet go to the new file. When that fails, the
  // file stays what it was.
  Status reload();
  LogCounts counts() const;

 private:
  explicit LogFile(LogFileOptions options, int fd);
  void run();
  void append(std::string_view lines);

  const LogFileOptions options_;
  LossNotice notice_;

  mutable std::mutex mutex_;
  // Guarded by mutex_:
  std::string waiting_;  // whole lines
  LogCounts counts_;
  bool ending_ = false;
  int next_fd_ = -1;  // to be written to from now on; -1: the same as before
  std::condition_variable there_;

  // Of the thread alone:
  int fd_;
  bool torn_ = false;  // the file ends within a line

  std::thread thread_;  // begins last
};

}  // namespace accel::server
