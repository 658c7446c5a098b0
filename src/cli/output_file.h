// Where a command's result goes: a file that appears when complete, a pipe, or standard output.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "accel/status.h"
#include "base/files.h"

namespace accel::cli {

// Collects bytes and writes them in larger pieces. One owner, one thread. Errors:
// RESOURCE_EXHAUSTED for a full disk, CANCELLED for a pipe whose reader has gone.
class OutputFile {
 public:
  // "-" is standard output. A regular file appears at commit() only.
  static Result<std::unique_ptr<OutputFile>> create(const std::string& path);

  // The buffer to append to; call written() after each whole record.
  std::string& buffer() { return buffer_; }
  // Writes the buffer when it is large.
  Status written() { return buffer_.size() < kPieceBytes ? Status() : write_buffer(); }
  // Writes the buffer if somebody may be waiting: not for a file that does not appear yet.
  Status flush() { return file_ != nullptr && file_->seekable() ? Status() : write_buffer(); }
  Status commit();

 private:
  static constexpr size_t kPieceBytes = 256 << 10;
  OutputFile() = default;
  Status write_buffer();

  std::unique_ptr<AtomicFile> file_;  // null: standard output
  std::string buffer_;
};

// Whether bytes already written to `path` could be changed: a regular file, or standard output that
// goes to one and does not only append.
bool rewritable(const std::string& path);

}  // namespace accel::cli
