// Whatever the bytes, the archive is refused or its entries lie inside it and keep to the limits;
// the same bytes as NPZ give tensors or a status.
#include "tensors/zip.h"

#include <cstdint>
#include <cstdlib>

#include "tensors/npz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data), size);
  const accel::tensors::ZipLimits limits{.unpacked_bytes_max = 1 << 20, .ratio_max = 1032};
  const auto entries = accel::tensors::read_zip_directory(bytes, limits);
  if (!entries.ok()) return 0;
  uint64_t unpacked = 0;
  for (const accel::tensors::ZipEntry& entry : *entries) {
    if (entry.data_begin > size || entry.packed_size > size - entry.data_begin) std::abort();
    if (!accel::tensors::check_zip_name(entry.name).ok()) std::abort();
    unpacked += entry.deflated ? entry.size : 0;
    std::vector<std::byte> memory;
    const auto content = accel::tensors::read_zip_entry(bytes, entry, memory);
    if (content.ok() && content->size() != entry.size) std::abort();
  }
  if (unpacked > limits.unpacked_bytes_max) std::abort();
  (void)accel::tensors::read_npz(bytes, nullptr, limits);
  return 0;
}
