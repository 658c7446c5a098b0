// Image files to pixels: BMP, GIF (its first frame), JPEG, PNG and WebP, recognised by content.
//
// The result is what Pillow gives for ImageOps.exif_transpose(open(file)).convert("RGB"), which is
// how the reference's pipelines load an image, byte for byte: the orientation that EXIF or XMP
// state is applied; transparency is dropped, not blended; 16-bit RGB keeps its high byte, but
// 16-bit grey is clipped at 255; CMYK is read inverted, as Adobe writes it; colour profiles are
// ignored. JPEG is exact with the same decoder (libjpeg-turbo, slow integer DCT, fancy upsampling).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "accel/status.h"
#include "image/image.h"

namespace accel::image {

// What a file may cost; checked before pixels are allocated.
struct DecodeLimits {
  // Pillow's bound. A pixel takes 3 bytes, and up to 6 more while a progressive JPEG is read.
  uint64_t pixels_max = 178'956'970;
  int side_max = 1'000'000;                     // of the width and of the height
  uint64_t file_bytes_max = uint64_t{1} << 28;  // 256 MiB
};

// INVALID_ARGUMENT for what is no image of these formats; UNIMPLEMENTED for a variant that accel
// lacks (named); RESOURCE_EXHAUSTED past the limits or without memory; DATA_LOSS for a damaged or
// truncated file, with the byte where it ends.
Result<Image> decode(std::span<const std::byte> file, const DecodeLimits& limits = {});

}  // namespace accel::image
