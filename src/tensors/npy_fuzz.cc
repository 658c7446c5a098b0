// Whatever the bytes, the array is refused or as large as they are; written again, it is the same.
#include "tensors/npy.h"

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data), size);
  const auto tensor = accel::tensors::read_npy(bytes, nullptr);
  if (!tensor.ok()) return 0;
  if (tensor->byte_size() > size) std::abort();
  std::string file = accel::tensors::npy_header(tensor->dtype(), tensor->shape());
  file.append(reinterpret_cast<const char*>(tensor->bytes().data()), tensor->byte_size());
  const std::span<const std::byte> again(reinterpret_cast<const std::byte*>(file.data()),
                                         file.size());
  const auto reread = accel::tensors::read_npy(again, nullptr);
  if (!reread.ok() || reread->dtype() != tensor->dtype() || reread->shape() != tensor->shape()) {
    std::abort();
  }
  if (reread->byte_size() != 0 &&
      std::memcmp(reread->bytes().data(), tensor->bytes().data(), tensor->byte_size()) != 0) {
    std::abort();
  }
  return 0;
}
