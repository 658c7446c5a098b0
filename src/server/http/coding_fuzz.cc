// Whatever the bytes, decoding keeps to its limit, and what was encoded comes back.
#include "server/http/coding.h"

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using accel::http::Coding;
  constexpr uint64_t kLimit = 1 << 16;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  accel::http::choose_coding(bytes);
  accel::http::parse_coding(bytes);
  for (const Coding coding : {Coding::kIdentity, Coding::kGzip, Coding::kDeflate}) {
    const auto decoded = accel::http::decode(coding, bytes, kLimit);
    if (decoded.ok() && decoded->size() > kLimit) std::abort();
    const auto again = accel::http::decode(coding, accel::http::encode(coding, bytes), size);
    if (!again.ok() || *again != bytes) std::abort();
  }
  return 0;
}
