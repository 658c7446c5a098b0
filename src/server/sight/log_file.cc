#include "server/sight/log_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/files.h"
#include "base/try.h"
#include "server/sight/own_thread.h"

namespace accel::server {
namespace {

constexpr mode_t kLogFileMode = 0640;  // addresses of visitors are nobody else's business

Result<int> open_log(const std::string& path) {
  const int fd =
      path == "-" ? ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0)
                  : ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, kLogFileMode);
  if (fd < 0) return errno_status(errno, "opening", path == "-" ? "standard output" : path);
  return fd;
}

uint64_t count_lines(std::string_view lines) {
  return static_cast<uint64_t>(std::ranges::count(lines, '\n'));
}

}  // namespace

Result<std::unique_ptr<LogFile>> LogFile::create(LogFileOptions options) {
  ACCEL_ASSIGN(const int fd, open_log(options.path));
  return std::unique_ptr<LogFile>(new LogFile(std::move(options), fd));
}

LogFile::LogFile(LogFileOptions options, int fd)
    : options_(std::move(options)), notice_(options_.say), fd_(fd), thread_([this] { run(); }) {}

LogFile::~LogFile() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  there_.notify_one();
  thread_.join();
  ::close(fd_);
  if (next_fd_ >= 0) ::close(next_fd_);
}

void LogFile::write(std::string_view line) {
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() + line.size() < options_.waiting_bytes_max) {
      if (waiting_.empty()) there_.notify_one();
      waiting_ += line;
      waiting_ += '\n';
      return;
    }
    ++counts_.dropped;
  }
  notice_.lost("the request log is written too slowly: lines are dropped");
}

std::function<void(std::string_view line)> LogFile::sink() {
  return [this](std::string_view line) { write(line); };
}

Status LogFile::reload() {
  ACCEL_ASSIGN(const int fd, open_log(options_.path));
  const std::lock_guard lock(mutex_);
  const int unused = std::exchange(next_fd_, fd);
  if (unused >= 0) ::close(unused);
  there_.notify_one();
  return {};
}

LogCounts LogFile::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

void LogFile::run() {
  begin_own_thread("log");
  std::string lines;
  std::unique_lock lock(mutex_);
  while (true) {
    there_.wait(lock, [&] { return ending_ || next_fd_ >= 0 || !waiting_.empty(); });
    int former_fd = -1;
    if (next_fd_ >= 0) {
      former_fd = std::exchange(fd_, std::exchange(next_fd_, -1));
      torn_ = false;
    }
    if (waiting_.empty() && former_fd < 0 && ending_) return;
    lines.clear();
    lines.swap(waiting_);
    lock.unlock();
    if (former_fd >= 0) ::close(former_fd);
    if (!lines.empty()) append(lines);
    lock.lock();
  }
}

void LogFile::append(std::string_view lines) {
  const uint64_t count = count_lines(lines);
  std::string mended;
  if (torn_) {
    mended = "\n" + std::string(lines);
    lines = mended;
  }
  int error = 0;
  while (!lines.empty() && error == 0) {
    const ssize_t wrote = ::write(fd_, lines.data(), lines.size());
    if (wrote > 0) {
      torn_ = lines[static_cast<size_t>(wrote) - 1] != '\n';
      lines.remove_prefix(static_cast<size_t>(wrote));
    } else if (wrote == 0 || errno != EINTR) {
      error = wrote == 0 ? EIO : errno;
    }
  }
  const uint64_t failed = count_lines(lines);
  {
    const std::lock_guard lock(mutex_);
    counts_.written += count - std::min(failed, count);
    counts_.failed += std::min(failed, count);
  }
  if (error == 0) {
    notice_.worked();
  } else {
    notice_.lost(fmt::format("{}: writing the request log: {}; requests go on without it",
                             options_.path, std::strerror(error)));
  }
}

}  // namespace accel::server
