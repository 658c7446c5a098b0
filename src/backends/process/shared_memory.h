// Memory that two processes see, handed over as an open file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "accel/status.h"
#include "backends/process/descriptor.h"

namespace accel::backend {

enum class Access : uint8_t { kRead, kWrite };

// Its size never changes, whatever the other process does: the system refuses to shrink it, so that
// reading it cannot fail. What lies in it may change at any time.
class SharedMemory {
 public:
  // Zeros, of at least `bytes`. RESOURCE_EXHAUSTED when there is no room.
  static Result<std::shared_ptr<SharedMemory>> create(uint64_t bytes, Access access);
  // What the other process made. DATA_LOSS for a file that is no such memory.
  static Result<std::shared_ptr<SharedMemory>> attach(Descriptor file, Access access);
  ~SharedMemory();
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;

  uint64_t size() const { return size_; }
  const std::byte* data() const { return data_; }
  std::byte* writable() { return data_; }  // with Access::kWrite
  int file() const { return file_.get(); }

 private:
  SharedMemory(Descriptor file, std::byte* data, uint64_t size)
      : file_(std::move(file)), data_(data), size_(size) {}
  static Result<std::shared_ptr<SharedMemory>> map(Descriptor file, uint64_t size, Access access);

  Descriptor file_;
  std::byte* data_;
  uint64_t size_;
};

// A file without a name in `folder`, or in memory where that is not possible; it is gone with its
// last descriptor.
Result<Descriptor> create_unnamed_file(const std::string& folder);

}  // namespace accel::backend
