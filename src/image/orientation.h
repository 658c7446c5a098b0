// Which way up an image is: the orientation that EXIF or XMP state, 1 to 8.
// 1 upright, 2 mirrored, 3 upside down, 4 mirrored upside down, 5 transposed, 6 to turn right by 90
// degrees, 7 transversed, 8 to turn left by 90 degrees (EXIF 2.32, tag 0x0112).
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include "accel/status.h"
#include "image/image.h"

namespace accel::image {

// The value of the tag in an EXIF block (TIFF, with or without "Exif" and two zero bytes before
// it). None where there is no such tag or the block is damaged. Any number may come out.
std::optional<int> exif_orientation(std::span<const std::byte> exif);

// The digit of tiff:Orientation in an XMP packet.
std::optional<int> xmp_orientation(std::string_view xmp);

// Turns the image upright. Orientations other than 2 to 8 change nothing. RESOURCE_EXHAUSTED when
// there is no memory for the turned image.
Result<Image> oriented(Image image, int orientation);

}  // namespace accel::image
