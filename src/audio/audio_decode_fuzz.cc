// Whatever the bytes, decoding ends soon with a status or with finite samples within the limit.
#include <cmath>
#include <cstdint>
#include <cstdlib>

#include "audio/decode.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr double kSecondsMax = 1;
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data), size);
  const auto decoded =
      accel::audio::decode_audio(bytes, {.rate = 16'000, .seconds_max = kSecondsMax});
  if (!decoded.ok()) return 0;
  const auto& samples = decoded->audio.samples;
  if (samples.empty() || samples.size() > 16'000 || decoded->audio.rate != 16'000) std::abort();
  for (const float sample : samples) {
    if (!std::isfinite(sample)) std::abort();
  }
  return 0;
}
