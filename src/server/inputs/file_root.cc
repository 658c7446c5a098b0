#include "server/inputs/file_root.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <string_view>

#include "base/files.h"
#include "base/try.h"

namespace accel::server {
namespace {

constexpr size_t kReadBytes = 1 << 20;
constexpr int kOpenTries = 16;  // while something is renamed

// A descriptor that ends with its block.
class OwnedFd {
 public:
  explicit OwnedFd(int fd) : fd_(fd) {}
  ~OwnedFd() {
    if (fd_ >= 0) ::close(fd_);
  }
  OwnedFd(const OwnedFd&) = delete;
  OwnedFd& operator=(const OwnedFd&) = delete;
  int get() const { return fd_; }

 private:
  const int fd_;
};

// Opening a FIFO does not wait for a writer.
int open_beneath(int folder, const std::string& path) {
  open_how how{};
  how.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  long fd = -1;
  for (int i = 0; i < kOpenTries; ++i) {
    fd = ::syscall(SYS_openat2, folder, path.c_str(), &how, sizeof how);
    if (fd >= 0 || (errno != EINTR && errno != EAGAIN)) break;
  }
  return static_cast<int>(fd);
}

std::string with_slash(std::string path) {
  if (!path.ends_with('/')) path += '/';
  return path;
}

Status outside() {
  return permission_denied("expected a file below the folder that this server takes inputs from, "
                           "found another");
}

Status not_regular(const std::string& path) {
  return invalid_argument(fmt::format("{}: expected a regular file, found another kind", path));
}

Result<std::string> read_all(int fd, uint64_t bytes_max) {
  std::string bytes;
  while (true) {
    const size_t before = bytes.size();
    // One byte more than may be shows that there are more.
    const size_t wanted = std::min<uint64_t>(kReadBytes, bytes_max - before + 1);
    bytes.resize(before + wanted);
    const ssize_t got = ::read(fd, bytes.data() + before, wanted);
    bytes.resize(before + static_cast<size_t>(std::max<ssize_t>(got, 0)));
    if (got == 0) return bytes;
    if (got < 0 && errno != EINTR) return errno_status(errno, "reading", "the file");
    if (bytes.size() > bytes_max) {
      return resource_exhausted(
          fmt::format("expected a file of at most {} bytes, found a larger one", bytes_max));
    }
  }
}

}  // namespace

FileRoot::FileRoot(std::string given, std::string real, int fd)
    : given_(std::move(given)), real_(std::move(real)), fd_(fd) {}

FileRoot::~FileRoot() { ::close(fd_); }

Result<std::unique_ptr<FileRoot>> FileRoot::open(const std::string& folder) {
  const int fd = ::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return errno_status(errno, "opening", folder);
  std::error_code failed;
  const std::filesystem::path given = std::filesystem::absolute(folder, failed);
  const std::filesystem::path real = std::filesystem::canonical(folder, failed);
  std::unique_ptr<FileRoot> root(
      new FileRoot(with_slash(given.lexically_normal()), with_slash(real), fd));
  if (failed) return errno_status(failed.value(), "opening", folder);
  const OwnedFd probe(open_beneath(fd, "."));
  if (probe.get() < 0 && (errno == ENOSYS || errno == EPERM)) {
    return unavailable(fmt::format(
        "{}: keeping clients below a folder needs openat2, which Linux has from 5.6 on, and this "
        "system or its sandbox refuses; allow that call, or leave the folder out",
        folder));
  }
  if (probe.get() < 0) return errno_status(errno, "opening", folder);
  return root;
}

Result<std::string> FileRoot::read(const std::string& path, uint64_t bytes_max) const {
  std::string_view below = path;
  if (below.starts_with(given_)) below.remove_prefix(given_.size());
  else if (below.starts_with(real_)) below.remove_prefix(real_.size());
  else return outside();
  while (below.starts_with('/')) below.remove_prefix(1);
  const OwnedFd file(open_beneath(fd_, std::string(below.empty() ? "." : below)));
  if (file.get() < 0) {
    if (errno == EXDEV || errno == ELOOP) return outside();
    if (errno == ENXIO) return not_regular(path);  // a socket
    return errno_status(errno, "opening", path);
  }
  struct stat found {};
  if (::fstat(file.get(), &found) != 0) return errno_status(errno, "opening", path);
  if (!S_ISREG(found.st_mode)) return not_regular(path);
  Result<std::string> bytes = read_all(file.get(), bytes_max);
  if (!bytes.ok()) return bytes.status().with_context(path);
  return bytes;
}

}  // namespace accel::server
