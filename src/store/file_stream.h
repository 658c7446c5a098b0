// A std::ostream over a part of an open file, for those who write into streams and go back in them
// (engines export that way). What goes wrong is kept as a status, which a stream cannot.
#pragma once

#include <cstdint>
#include <streambuf>
#include <string>
#include <vector>

#include "accel/status.h"

namespace accel::store {

// One owner, one thread. Position 0 is byte `begin` of the file.
//
//   FileStream buffer(fd, 4096, bytes_max, "the entry");
//   std::ostream out(&buffer);
//   ...
//   ACCEL_TRY(buffer.finish());
class FileStream : public std::streambuf {
 public:
  // `fd` stays open as long as this lives. Past `bytes_max` writing fails with RESOURCE_EXHAUSTED.
  FileStream(int fd, uint64_t begin, uint64_t bytes_max, std::string name);

  // Writes what is buffered. The first thing that went wrong: RESOURCE_EXHAUSTED for a full disk or
  // too many bytes.
  Status finish();
  // Bytes from `begin` to the farthest one written.
  uint64_t size() const { return size_; }

 protected:
  int_type overflow(int_type character) override;
  std::streamsize xsputn(const char* text, std::streamsize count) override;
  int sync() override;
  pos_type seekoff(off_type offset, std::ios_base::seekdir from,
                   std::ios_base::openmode which) override;
  pos_type seekpos(pos_type position, std::ios_base::openmode which) override;

 private:
  bool flush();
  bool write(const char* text, size_t count);

  const int fd_;
  const uint64_t begin_;
  const uint64_t bytes_max_;
  const std::string name_;
  std::vector<char> buffer_;
  uint64_t position_ = 0;  // of the buffer's first byte
  uint64_t size_ = 0;
  Status status_;
};

}  // namespace accel::store
