// What a PNG says beside its pixels, read chunk by chunk without libpng.
#pragma once

#include <cstddef>
#include <span>

namespace accel::image {

// The orientation that the file states: in its eXIf chunk, in a text called "Raw profile type exif"
// (as ImageMagick wrote it before eXIf), or in an XMP packet; else 1. Damage is passed over.
int png_orientation(std::span<const std::byte> file);

}  // namespace accel::image
