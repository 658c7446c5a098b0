#include "image/library_versions.h"

#include <fmt/format.h>
#include <png.h>
#include <webp/decode.h>

#include <cstdio>  // jpeglib.h needs FILE

#include <jpeglib.h>

namespace accel::image {
namespace {

#ifdef LIBJPEG_TURBO_VERSION_NUMBER
constexpr const char* kJpegName = "libjpeg-turbo";
constexpr int kJpegNumber = LIBJPEG_TURBO_VERSION_NUMBER;  // 2001005 is 2.1.5
#else
constexpr const char* kJpegName = "libjpeg";
constexpr int kJpegNumber = JPEG_LIB_VERSION / 10 * 1000000;
#endif

}  // namespace

std::string library_versions() {
  const int webp = WebPGetDecoderVersion();  // a byte each
  return fmt::format("{} {}.{}.{}, libpng {}, libwebp {}.{}.{}", kJpegName, kJpegNumber / 1000000,
                     kJpegNumber / 1000 % 1000, kJpegNumber % 1000, png_get_libpng_ver(nullptr),
                     webp >> 16, webp >> 8 & 255, webp & 255);
}

}  // namespace accel::image
