// Files at the rim: mapped reading, whole-file reading with a limit, and atomic writing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "accel/status.h"

namespace accel {

// Bytes seen as characters.
inline std::string_view chars(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// A read-only private mapping of a regular file. Immutable, so shared freely between threads.
class MappedFile {
 public:
  // NOT_FOUND, PERMISSION_DENIED, or INVALID_ARGUMENT for something that is no regular file. An
  // empty file maps to zero bytes.
  static Result<std::shared_ptr<const MappedFile>> open(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  const std::filesystem::path& path() const { return path_; }

  // Tells the system that the pages are not needed for now: resident memory shrinks, and a later
  // read brings them back from the page cache. The bytes stay valid.
  void release_pages() const;

 private:
  MappedFile(std::filesystem::path path, const std::byte* data, size_t size)
      : path_(std::move(path)), data_(data), size_(size) {}
  std::filesystem::path path_;
  const std::byte* data_;
  size_t size_;
};

// The whole file as a string; RESOURCE_EXHAUSTED when it is larger than `limit` bytes.
Result<std::string> read_file(const std::filesystem::path& path, uint64_t limit);

// A file that appears under its name only when complete: written beside it as "NAME.partial-PID",
// renamed by commit(), removed by the destructor otherwise; of a symbolic link, its target. Written
// in place are pipes and devices, and what this process was handed open: /dev/stdout, /dev/fd/N.
// One owner, one thread.
class AtomicFile {
 public:
  // False for what create() would write in place.
  static bool replaces(const std::filesystem::path& path);
  static Result<std::unique_ptr<AtomicFile>> create(const std::filesystem::path& path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  // RESOURCE_EXHAUSTED when the disk is full, CANCELLED when the reader of a pipe has gone.
  Status write(std::string_view bytes);
  // Overwrites bytes already written, e.g. a header; only when seekable().
  Status write_at(uint64_t offset, std::string_view bytes);
  bool seekable() const { return !temporary_.empty(); }
  uint64_t written() const { return written_; }
  // Synchronises, closes and renames. At most once.
  Status commit();

 private:
  AtomicFile(std::filesystem::path path, std::filesystem::path temporary, int fd)
      : path_(std::move(path)), temporary_(std::move(temporary)), fd_(fd) {}
  std::filesystem::path path_;
  std::filesystem::path temporary_;  // empty: written in place
  int fd_;
  uint64_t written_ = 0;
};

// Writes all of `bytes` to an open descriptor, retrying on interruption. `name` appears in errors.
Status write_all(int fd, std::string_view bytes, std::string_view name);

// The status for a failed system call: errno's code, "action name: reason".
Status errno_status(int error, std::string_view action, std::string_view name);

}  // namespace accel
