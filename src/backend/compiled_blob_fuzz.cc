// Whatever the bytes, they are refused or a blob whose parts lie inside it.
#include "backend/compiled_blob.h"

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data), size);
  const auto blob = accel::backend::open_blob(bytes);
  if (!blob.ok()) return 0;
  if (blob->engine_bytes.data() != bytes.data() || blob->engine_bytes.size() > size) std::abort();
  const accel::backend::BlobHeader& header = blob->header;
  if (!accel::backend::check_blob(header, header.engine, header.options).ok()) std::abort();
  return 0;
}
