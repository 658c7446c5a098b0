#include "store/file_lock.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/files.h"

namespace accel::store {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr int kLostRacesMax = 100;
constexpr milliseconds kFirstPause{1};
constexpr milliseconds kLongestPause{50};
constexpr milliseconds kLongestWait = std::chrono::hours(24);

// Whether `path` still names the open file: a holder deletes the file before it unlocks, so a lock
// may be won on a file that nobody else will ever open again.
bool still_named(int fd, const fs::path& path) {
  struct stat opened {};
  struct stat named {};
  return ::fstat(fd, &opened) == 0 && ::lstat(path.c_str(), &named) == 0 &&
         opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
}

int try_lock(int fd) {
  while (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EINTR) return errno;
  }
  return 0;
}

// Makes a rename last.
void sync_folder(const fs::path& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  ::fsync(fd);  // where a folder cannot be synced, the rename still holds for the living
  ::close(fd);
}

}  // namespace

Result<std::unique_ptr<FileLock>> FileLock::acquire(const fs::path& path, milliseconds wait_max) {
  wait_max = std::min<milliseconds>(wait_max, kLongestWait);
  const auto give_up = Clock::now() + wait_max;
  milliseconds pause = kFirstPause;
  for (int lost = 0; lost < kLostRacesMax;) {
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return errno_status(errno, "locking", path.string());
    const int error = try_lock(fd);
    if (error == 0 && still_named(fd, path)) {
      return std::unique_ptr<FileLock>(new FileLock(path, fd));
    }
    ::close(fd);
    if (error == 0) {  // its holder has just finished
      ++lost;
      continue;
    }
    if (error != EWOULDBLOCK) return errno_status(error, "locking", path.string());
    const auto left = std::chrono::ceil<milliseconds>(give_up - Clock::now());
    if (left <= milliseconds(0)) {
      return deadline_exceeded("locking " + path.string() +
                               ": another process still holds it after " +
                               std::to_string(wait_max.count()) + " ms");
    }
    // flock() waits for ever or not at all, and nothing tells when a lock becomes free.
    ::poll(nullptr, 0, static_cast<int>(std::min(pause, left).count()));
    pause = std::min(pause * 2, kLongestPause);
  }
  return unavailable("locking " + path.string() +
                     ": the file is another one each time it is opened; expected a file system "
                     "whose files keep their numbers");
}

bool FileLock::remove_abandoned(const fs::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) return false;
  const bool removed = try_lock(fd) == 0 && still_named(fd, path) && ::unlink(path.c_str()) == 0;
  ::close(fd);
  return removed;
}

FileLock::~FileLock() {
  if (!published_) ::unlink(path_.c_str());  // before it is unlocked: see still_named()
  ::close(fd_);
}

Status FileLock::publish(const fs::path& target) {
  if (::fsync(fd_) != 0) return errno_status(errno, "writing", target.string());
  if (::rename(path_.c_str(), target.c_str()) != 0) {
    return errno_status(errno, "creating", target.string());
  }
  published_ = true;
  sync_folder(target.parent_path());
  return {};
}

}  // namespace accel::store
