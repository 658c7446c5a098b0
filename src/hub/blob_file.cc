#include "hub/blob_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <vector>

#include "base/files.h"
#include "base/try.h"

namespace accel::hub {
namespace {

namespace fs = std::filesystem;

constexpr size_t kReadBytes = 1 << 20;

struct ContentRange {
  uint64_t begin = 0;
  uint64_t size = 0;
};

// "bytes 5-9/10" (RFC 9110, 14.4).
bool parse_content_range(std::string_view text, ContentRange& range) {
  constexpr std::string_view kUnit = "bytes ";
  if (!text.starts_with(kUnit)) return false;
  text.remove_prefix(kUnit.size());
  const size_t slash = text.find('/');
  const size_t dash = text.find('-');
  if (slash == std::string_view::npos || dash > slash) return false;
  const char* end = text.data() + text.size();
  const auto begin = std::from_chars(text.data(), text.data() + dash, range.begin);
  const auto size = std::from_chars(text.data() + slash + 1, end, range.size);
  return begin.ec == std::errc() && size.ec == std::errc() && size.ptr == end;
}

}  // namespace

Result<std::unique_ptr<BlobFile>> BlobFile::open(const fs::path& incomplete,
                                                 const RepositoryFile& file) {
  const int fd = ::open(incomplete.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
  if (fd < 0) return errno_status(errno, "creating", incomplete.string());
  std::unique_ptr<BlobFile> blob(new BlobFile(incomplete, file, fd));
  ACCEL_TRY(blob->hash_what_is_there());
  return blob;
}

BlobFile::BlobFile(fs::path path, RepositoryFile file, int fd)
    : path_(std::move(path)), file_(std::move(file)), fd_(fd) {
  begin_hash();
}

BlobFile::~BlobFile() {
  struct stat info {};
  // An empty one helps nobody.
  if (have_ == 0 && ::fstat(fd_, &info) == 0 && info.st_size == 0 && info.st_nlink > 0) {
    std::error_code ignored;
    if (file_.size > 0) fs::remove(path_, ignored);
  }
  ::close(fd_);
}

void BlobFile::begin_hash() {
  sha256_ = {};
  sha1_ = {};
  // As git hashes a blob.
  if (!file_.is_lfs()) {
    sha1_.add(fmt::format("blob {}", file_.size));
    sha1_.add(std::string_view("\0", 1));
  }
}

void BlobFile::add_to_hash(std::string_view bytes) {
  if (file_.is_lfs()) sha256_.add(bytes);
  else sha1_.add(bytes);
}

Status BlobFile::hash_what_is_there() {
  struct stat info {};
  if (::fstat(fd_, &info) != 0) return errno_status(errno, "reading", path_.string());
  if (!S_ISREG(info.st_mode)) return invalid_argument(path_.string() + ": expected a file");
  if (static_cast<uint64_t>(info.st_size) > file_.size) return restart();
  std::vector<char> buffer(info.st_size > 0 ? kReadBytes : 0);
  while (have_ < static_cast<uint64_t>(info.st_size)) {
    const ssize_t got = ::pread(fd_, buffer.data(), buffer.size(), static_cast<off_t>(have_));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno_status(errno, "reading", path_.string());
    if (got == 0) break;
    add_to_hash({buffer.data(), static_cast<size_t>(got)});
    have_ += static_cast<uint64_t>(got);
  }
  resumed_ = have_ > 0;
  if (::lseek(fd_, static_cast<off_t>(have_), SEEK_SET) < 0) {
    return errno_status(errno, "reading", path_.string());
  }
  return {};
}

Status BlobFile::restart() {
  if (::ftruncate(fd_, 0) != 0 || ::lseek(fd_, 0, SEEK_SET) < 0) {
    return errno_status(errno, "writing", path_.string());
  }
  have_ = 0;
  resumed_ = false;
  begin_hash();
  return {};
}

Status BlobFile::head(const HttpHead& head) {
  if (head.code == 206) {
    ContentRange range;
    const bool fits = parse_content_range(head.content_range, range) && range.begin == have_ &&
                      range.size == file_.size;
    if (!fits) {
      return data_loss(fmt::format("{}: expected bytes {}- of {}, the server sends '{}'",
                                   file_.name, have_, file_.size, head.content_range));
    }
  } else if (have_ > 0) {
    ACCEL_TRY(restart());  // it does not know ranges and sends everything
  }
  if (head.content_length && *head.content_length != file_.size - have_) {
    return data_loss(fmt::format("{}: expected {} bytes, the server sends {}; nothing of it was "
                                 "kept",
                                 file_.name, file_.size - have_, *head.content_length));
  }
  return {};
}

Status BlobFile::body(std::string_view bytes) {
  if (bytes.size() > file_.size - have_) {
    return data_loss(fmt::format("{}: expected {} bytes, the server sends more; nothing of it was "
                                 "kept",
                                 file_.name, file_.size));
  }
  ACCEL_TRY(write_all(fd_, bytes, path_.string()));
  add_to_hash(bytes);
  have_ += bytes.size();
  return {};
}

Status BlobFile::publish(const fs::path& blob) {
  const std::string found = file_.is_lfs() ? sha256_.digits() : sha1_.digits();
  if (found != file_.hash) {
    return data_loss(fmt::format(
        "{}: expected bytes of {} {}, found {}; nothing of it was kept; pull it again, and if that "
        "does not help, tell whoever runs the hub",
        file_.name, file_.is_lfs() ? "SHA-256" : "git SHA-1", file_.hash, found));
  }
  if (::fsync(fd_) != 0) return errno_status(errno, "writing", path_.string());
  if (::rename(path_.c_str(), blob.c_str()) != 0) {
    return errno_status(errno, "creating", blob.string());
  }
  return {};
}

void BlobFile::discard() {
  std::error_code ignored;
  fs::remove(path_, ignored);
}

}  // namespace accel::hub
