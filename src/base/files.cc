#include "base/files.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>
#include <system_error>

#include "base/try.h"

namespace accel {
namespace {

// Closes a descriptor at the end of a scope.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

// The descriptor that a name such as /dev/stdout stands for. Opening it again would begin at the
// file's start and cut off what others wrote through it.
std::optional<int> inherited_descriptor(const std::filesystem::path& path) {
  const std::string name = path.lexically_normal().string();
  if (name == "/dev/stdout") return STDOUT_FILENO;
  if (name == "/dev/stderr") return STDERR_FILENO;
  for (const std::string_view folder : {"/dev/fd/", "/proc/self/fd/"}) {
    if (!name.starts_with(folder)) continue;
    int number = 0;
    const char* end = name.data() + name.size();
    const auto parsed = std::from_chars(name.data() + folder.size(), end, number);
    if (parsed.ec == std::errc() && parsed.ptr == end) return number;
  }
  return std::nullopt;
}

}  // namespace

Status errno_status(int error, std::string_view action, std::string_view name) {
  const std::string message =
      std::string(action) + " " + std::string(name) + ": " + std::generic_category().message(error);
  switch (error) {
    case ENOENT:
    case ENOTDIR: return not_found(message);
    case EACCES:
    case EPERM:
    case EROFS: return permission_denied(message);
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case ENOMEM:
    case EMFILE: return resource_exhausted(message);
    case EEXIST: return already_exists(message);
    case EPIPE:
      return cancelled(std::string(action) + " " + std::string(name) +
                       ": its reader closed it before the end");
    case EISDIR: return invalid_argument(message);
    default: return {StatusCode::kUnknown, message};
  }
}

Result<std::shared_ptr<const MappedFile>> MappedFile::open(const std::filesystem::path& path) {
  const Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) return errno_status(errno, "opening", path.string());
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return errno_status(errno, "reading", path.string());
  if (!S_ISREG(info.st_mode)) {
    return invalid_argument("opening " + path.string() + ": expected a regular file");
  }
  const auto size = static_cast<size_t>(info.st_size);
  const std::byte* data = nullptr;
  if (size > 0) {
    void* mapped = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd.get(), 0);
    if (mapped == MAP_FAILED) return errno_status(errno, "mapping", path.string());
    data = static_cast<const std::byte*>(mapped);
  }
  return std::shared_ptr<const MappedFile>(new MappedFile(path, data, size));
}

MappedFile::~MappedFile() {
  if (size_ > 0) ::munmap(const_cast<std::byte*>(data_), size_);
}

void MappedFile::release_pages() const {
  if (size_ > 0) ::madvise(const_cast<std::byte*>(data_), size_, MADV_DONTNEED);
}

Result<std::string> read_file(const std::filesystem::path& path, uint64_t limit) {
  const Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) return errno_status(errno, "opening", path.string());
  std::string text;
  char buffer[1 << 16];
  while (true) {
    const ssize_t got = ::read(fd.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno_status(errno, "reading", path.string());
    if (got == 0) return text;
    text.append(buffer, static_cast<size_t>(got));
    if (text.size() > limit) {
      return resource_exhausted("reading " + path.string() + ": expected at most " +
                                std::to_string(limit) + " bytes, and the file is larger");
    }
  }
}

Status write_all(int fd, std::string_view bytes, std::string_view name) {
  while (!bytes.empty()) {
    const ssize_t wrote = ::write(fd, bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return errno_status(errno, "writing", name);
    bytes.remove_prefix(static_cast<size_t>(wrote));
  }
  return {};
}

bool AtomicFile::replaces(const std::filesystem::path& path) {
  std::error_code ignored;
  const auto type = std::filesystem::status(path, ignored).type();
  return !inherited_descriptor(path) && (type == std::filesystem::file_type::not_found ||
                                         type == std::filesystem::file_type::regular);
}

Result<std::unique_ptr<AtomicFile>> AtomicFile::create(const std::filesystem::path& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    return errno_status(EISDIR, "creating", path.string());
  }
  std::filesystem::path target = path;
  std::filesystem::path temporary;
  int fd = -1;
  if (const auto inherited = inherited_descriptor(path)) {
    fd = ::fcntl(*inherited, F_DUPFD_CLOEXEC, 0);
  } else if (replaces(path)) {
    if (std::filesystem::is_symlink(path, error)) {
      target = std::filesystem::weakly_canonical(path, error);
      if (error) return errno_status(error.value(), "creating", path.string());
    }
    temporary = target;
    temporary += ".partial-" + std::to_string(::getpid());
    fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  } else {
    fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  }
  if (fd < 0) return errno_status(errno, "creating", path.string());
  return std::unique_ptr<AtomicFile>(new AtomicFile(target, temporary, fd));
}

AtomicFile::~AtomicFile() {
  if (fd_ < 0) return;
  ::close(fd_);
  if (seekable()) ::unlink(temporary_.c_str());
}

Status AtomicFile::write(std::string_view bytes) {
  ACCEL_TRY(write_all(fd_, bytes, path_.string()));
  written_ += bytes.size();
  return {};
}

Status AtomicFile::write_at(uint64_t offset, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t wrote = ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return errno_status(errno, "writing", path_.string());
    bytes.remove_prefix(static_cast<size_t>(wrote));
    offset += static_cast<uint64_t>(wrote);
  }
  return {};
}

Status AtomicFile::commit() {
  const int fd = fd_;
  if (seekable() && ::fsync(fd) != 0) return errno_status(errno, "writing", path_.string());
  fd_ = -1;
  if (::close(fd) != 0) {
    const int error = errno;
    if (seekable()) ::unlink(temporary_.c_str());
    return errno_status(error, "writing", path_.string());
  }
  if (seekable() && ::rename(temporary_.c_str(), path_.c_str()) != 0) {
    const int error = errno;
    ::unlink(temporary_.c_str());
    return errno_status(error, "creating", path_.string());
  }
  return {};
}

}  // namespace accel
