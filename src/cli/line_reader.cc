#include "cli/line_reader.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/files.h"
#include "base/try.h"

namespace accel::cli {
namespace {

constexpr size_t kChunkBytes = 128 << 10;
constexpr size_t kKeptBytesMax = 1 << 20;  // a buffer larger than this is given back
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

}  // namespace

// At least kChunkBytes free behind end_.
void LineReader::make_room() {
  const size_t kept = end_ - begin_;
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, kept);
    scanned_ -= begin_;
    begin_ = 0;
    end_ = kept;
  }
  if (buffer_.size() > kKeptBytesMax && kept < kKeptBytesMax - kChunkBytes) {
    buffer_.resize(kKeptBytesMax);
    buffer_.shrink_to_fit();
  }
  if (buffer_.size() - end_ < kChunkBytes) buffer_.resize(2 * end_ + kChunkBytes);
}

// More bytes, or false at the end of the input.
Result<bool> LineReader::fill() {
  make_room();
  while (true) {
    std::array<pollfd, 2> waited{{{fd_, POLLIN, 0}, {options_.stop_fd, POLLIN, 0}}};
    if (::poll(waited.data(), waited.size(), -1) < 0 && errno != EINTR) {
      return errno_status(errno, "reading", options_.name);
    }
    if ((waited[1].revents & POLLIN) != 0) return cancelled("reading " + options_.name);
    if (waited[0].revents == 0) continue;
    const ssize_t got = ::read(fd_, buffer_.data() + end_, buffer_.size() - end_);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got < 0) return errno_status(errno, "reading", options_.name);
    end_ += static_cast<size_t>(got);
    return got > 0;
  }
}

std::string_view LineReader::give(size_t length, size_t with_end) {
  std::string_view line(buffer_.data() + begin_, length);
  begin_ += with_end;
  scanned_ = begin_;
  position_ += with_end;
  if (line_++ == 0 && line.starts_with(kByteOrderMark)) {
    line.remove_prefix(kByteOrderMark.size());
  }
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

Result<std::optional<std::string_view>> LineReader::next() {
  while (true) {
    const void* found =
        end_ > scanned_ ? std::memchr(buffer_.data() + scanned_, '\n', end_ - scanned_) : nullptr;
    if (found != nullptr) {
      const size_t length = static_cast<const char*>(found) - (buffer_.data() + begin_);
      return std::optional(give(length, length + 1));
    }
    scanned_ = end_;
    if (end_ - begin_ > options_.line_bytes_max) {
      return resource_exhausted(
          fmt::format("reading {}: expected lines of at most {} bytes, and line {} is longer; "
                      "is this a text file with one text per line?",
                      options_.name, options_.line_bytes_max, line_ + 1));
    }
    ACCEL_ASSIGN(const bool more, fill());
    if (more) continue;
    if (begin_ == end_) return std::optional<std::string_view>();
    return std::optional(give(end_ - begin_, end_ - begin_));
  }
}

}  // namespace accel::cli
