#include "store/file_stream.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/files.h"

namespace accel::store {
namespace {

constexpr size_t kBuffer = 256 << 10;
const std::streambuf::pos_type kNowhere = std::streambuf::off_type(-1);

}  // namespace

FileStream::FileStream(int fd, uint64_t begin, uint64_t bytes_max, std::string name)
    : fd_(fd), begin_(begin), bytes_max_(bytes_max), name_(std::move(name)), buffer_(kBuffer) {
  setp(buffer_.data(), buffer_.data() + buffer_.size());
}

Status FileStream::finish() {
  flush();
  return status_;
}

bool FileStream::write(const char* text, size_t count) {
  if (!status_.ok()) return false;
  if (position_ > bytes_max_ || count > bytes_max_ - position_) {
    status_ = resource_exhausted("writing " + name_ + ": expected at most " +
                                 std::to_string(bytes_max_) + " bytes, and there are more");
    return false;
  }
  while (count > 0) {
    const ssize_t wrote = ::pwrite(fd_, text, count, static_cast<off_t>(begin_ + position_));
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) {
      status_ = errno_status(errno, "writing", name_);
      return false;
    }
    text += wrote;
    count -= static_cast<size_t>(wrote);
    position_ += static_cast<uint64_t>(wrote);
    size_ = std::max(size_, position_);
  }
  return true;
}

bool FileStream::flush() {
  const bool wrote = write(pbase(), static_cast<size_t>(pptr() - pbase()));
  setp(buffer_.data(), buffer_.data() + buffer_.size());
  return wrote;
}

FileStream::int_type FileStream::overflow(int_type character) {
  if (!flush()) return traits_type::eof();
  if (!traits_type::eq_int_type(character, traits_type::eof())) {
    *pptr() = traits_type::to_char_type(character);
    pbump(1);
  }
  return traits_type::not_eof(character);
}

std::streamsize FileStream::xsputn(const char* text, std::streamsize count) {
  if (count < epptr() - pptr()) {
    std::copy_n(text, count, pptr());
    pbump(static_cast<int>(count));
    return count;
  }
  return flush() && write(text, static_cast<size_t>(count)) ? count : 0;
}

int FileStream::sync() { return flush() ? 0 : -1; }

FileStream::pos_type FileStream::seekoff(off_type offset, std::ios_base::seekdir from,
                                         std::ios_base::openmode which) {
  const auto here = static_cast<off_type>(position_) + (pptr() - pbase());
  if (from == std::ios_base::cur && offset == 0) return here;  // tellp()
  if (!flush()) return kNowhere;
  if (from == std::ios_base::cur) return seekpos(here + offset, which);
  if (from == std::ios_base::end) return seekpos(static_cast<off_type>(size_) + offset, which);
  return seekpos(offset, which);
}

FileStream::pos_type FileStream::seekpos(pos_type position, std::ios_base::openmode which) {
  const auto at = static_cast<off_type>(position);
  if ((which & std::ios_base::out) == 0 || at < 0 || !flush()) return kNowhere;
  position_ = static_cast<uint64_t>(at);
  return position;
}

}  // namespace accel::store
