// Whatever the bytes, an archive is refused or its entries are whole: each is the entry of its own
// name, with the checksums it states.
#include "store/cache_archive.h"

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data), size);
  const auto entries = accel::store::read_cache_archive(bytes);
  if (!entries.ok()) return 0;
  for (const accel::store::ArchivedEntry& entry : *entries) {
    if (!accel::store::is_digest(entry.digest)) std::abort();
    if (entry.digest != entry.header.key.digest()) std::abort();
    if (!accel::store::checked_payload(entry.file, entry.header).ok()) std::abort();
  }
  return 0;
}
