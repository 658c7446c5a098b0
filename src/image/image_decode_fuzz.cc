// Whatever the bytes, they are refused or become an image within the limits, whose PNG decodes to
// the same.
#include <cstdint>
#include <cstdlib>

#include "image/decode.h"
#include "image/png.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data), size);
  constexpr accel::image::DecodeLimits kLimits{.pixels_max = 1 << 18, .side_max = 1 << 14};
  const auto image = accel::image::decode(bytes, kLimits);
  if (!image.ok()) return 0;
  if (image->size.pixels() > kLimits.pixels_max || image->size.pixels() == 0) std::abort();
  if (image->pixels.size() != image->size.pixels() * accel::image::kChannels) std::abort();
  if (image->size.pixels() > 1 << 12) return 0;
  const auto file = accel::image::encode_png(*image);
  if (!file.ok()) std::abort();
  const auto again = accel::image::decode(*file);
  if (!again.ok() || again->size != image->size || again->pixels != image->pixels) std::abort();
  return 0;
}
