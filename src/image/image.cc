#include "image/image.h"

#include <fmt/format.h>

#include <new>

namespace accel::image {

Result<Image> black_image(Size size) {
  Image image{.size = size};
  try {
    image.pixels.resize(static_cast<size_t>(size.pixels()) * kChannels);
  } catch (const std::bad_alloc&) {
    return resource_exhausted(
        fmt::format("no memory for an image of {}x{} pixels", size.width, size.height));
  }
  return image;
}

}  // namespace accel::image
