#include "backends/process/shared_memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <bit>
#include <cerrno>

#include "base/files.h"
#include "base/try.h"

namespace accel::backend {
namespace {

constexpr uint64_t kLeastBytes = uint64_t{64} << 10;
constexpr uint64_t kMostBytes = uint64_t{1} << 46;
constexpr int kSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

Status no_room(int error) {
  return errno_status(error, "making", "memory that is shared with a worker process");
}

}  // namespace

Result<std::shared_ptr<SharedMemory>> SharedMemory::create(uint64_t bytes, Access access) {
  if (bytes > kMostBytes) return no_room(ENOMEM);
  // A power of two: sizes that grow slowly are not followed step by step.
  const uint64_t size = std::bit_ceil(std::max(bytes, kLeastBytes));
  Descriptor file(::memfd_create("accel", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!file.valid() || ::ftruncate(file.get(), static_cast<off_t>(size)) != 0 ||
      ::fcntl(file.get(), F_ADD_SEALS, kSeals) != 0) {
    return no_room(errno);
  }
  return map(std::move(file), size, access);
}

Result<std::shared_ptr<SharedMemory>> SharedMemory::attach(Descriptor file, Access access) {
  struct stat found = {};
  const int seals = ::fcntl(file.get(), F_GET_SEALS);
  if (seals < 0 || (seals & F_SEAL_SHRINK) == 0 || ::fstat(file.get(), &found) != 0 ||
      found.st_size <= 0) {
    return data_loss("expected memory of a fixed size, found another file");
  }
  return map(std::move(file), static_cast<uint64_t>(found.st_size), access);
}

Result<std::shared_ptr<SharedMemory>> SharedMemory::map(Descriptor file, uint64_t size,
                                                        Access access) {
  const int protection = access == Access::kWrite ? PROT_READ | PROT_WRITE : PROT_READ;
  void* data = ::mmap(nullptr, size, protection, MAP_SHARED, file.get(), 0);
  if (data == MAP_FAILED) return no_room(errno);
  return std::shared_ptr<SharedMemory>(
      new SharedMemory(std::move(file), static_cast<std::byte*>(data), size));
}

SharedMemory::~SharedMemory() { ::munmap(data_, size_); }

Result<Descriptor> create_unnamed_file(const std::string& folder) {
  Descriptor file(::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, S_IRUSR | S_IWUSR));
  if (!file.valid()) file = Descriptor(::memfd_create("accel", MFD_CLOEXEC));
  if (!file.valid()) return errno_status(errno, "making", "a file for a worker process");
  return file;
}

}  // namespace accel::backend
