// Lines of a file, a pipe or a terminal, one at a time, whatever the length of the whole.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "accel/status.h"

namespace accel::cli {

// One owner, one thread.
class LineReader {
 public:
  struct Options {
    std::string name;  // of the input, in errors
    // Reading gives up with CANCELLED when this descriptor becomes readable; -1: never.
    int stop_fd = -1;
    size_t line_bytes_max = size_t{64} << 20;
  };

  // Reads from `fd`, which the caller keeps open and closes.
  LineReader(int fd, Options options) : fd_(fd), options_(std::move(options)) {}

  // The next line without its end ("\n" or "\r\n"), valid until the next call; nullopt at the end
  // of the input. A last line needs no end. A byte order mark at the very start is left out.
  // RESOURCE_EXHAUSTED, with the line's number, for a line longer than line_bytes_max. The buffer
  // is never larger than the longest line asks for, and shrinks again after it.
  Result<std::optional<std::string_view>> next();

  uint64_t line() const { return line_; }          // number of the line last given, from 1
  uint64_t position() const { return position_; }  // bytes of the input up to its end

 private:
  Result<bool> fill();
  std::string_view give(size_t length, size_t with_end);
  void make_room();

  int fd_;
  Options options_;
  std::string buffer_;
  size_t begin_ = 0;    // of what was not given yet
  size_t scanned_ = 0;  // up to here there is no line end
  size_t end_ = 0;      // of what was read
  uint64_t line_ = 0;
  uint64_t position_ = 0;
};

}  // namespace accel::cli
