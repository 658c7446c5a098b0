#include "image/decode.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/try.h"
#include "image/formats/formats.h"
#include "image/orientation.h"

namespace accel::image {
namespace {

// Sorted.
constexpr std::array kFormats{
    Format{"BMP", is_bmp, decode_bmp},    Format{"GIF", is_gif, decode_gif},
    Format{"JPEG", is_jpeg, decode_jpeg}, Format{"PNG", is_png, decode_png},
    Format{"WebP", is_webp, decode_webp},
};

// The first bytes of what is no image, for a message.
std::string shown_start(Bytes file) {
  if (file.empty()) return "an empty file";
  constexpr size_t kShown = 8;
  std::string text = "a file that starts with";
  for (const std::byte byte : file.first(std::min(file.size(), kShown))) {
    text += fmt::format(" {:02x}", std::to_integer<unsigned>(byte));
  }
  return text;
}

}  // namespace

Result<Size> check_size(uint64_t width, uint64_t height, const DecodeLimits& limits) {
  if (width == 0 || height == 0) {
    return data_loss(fmt::format("expected a width and a height of at least 1, found {}x{} pixels",
                                 width, height));
  }
  const auto side_max = static_cast<uint64_t>(std::max(limits.side_max, 0));
  if (width > side_max || height > side_max) {
    return resource_exhausted(
        fmt::format("expected at most {} pixels on a side, found {}x{}: scale the image down",
                    side_max, width, height));
  }
  if (width * height > limits.pixels_max) {
    return resource_exhausted(
        fmt::format("expected at most {} pixels, found {}x{} = {}: it may be made to fill the "
                    "memory; scale the image down",
                    limits.pixels_max, width, height, width * height));
  }
  return Size{static_cast<int>(width), static_cast<int>(height)};
}

Status ends_early(Bytes file, std::string_view expected) {
  return {StatusCode::kDataLoss,
          fmt::format("expected {}, found the end of the file at byte {}: it is truncated; fetch "
                      "it again",
                      expected, file.size()),
          file.size()};
}

bool has_at(Bytes file, size_t at, std::string_view magic) {
  return file.size() >= at && chars(file.subspan(at)).starts_with(magic);
}

Result<Image> decode(std::span<const std::byte> file, const DecodeLimits& limits) {
  if (file.size() > limits.file_bytes_max) {
    return resource_exhausted(fmt::format("expected an image file of at most {} bytes, found {}",
                                          limits.file_bytes_max, file.size()));
  }
  const auto format =
      std::ranges::find_if(kFormats, [&](const Format& known) { return known.recognises(file); });
  if (format == kFormats.end()) {
    return invalid_argument(
        fmt::format("expected an image (BMP, GIF, JPEG, PNG or WebP), found {}: convert it to one "
                    "of these",
                    shown_start(file)));
  }
  Result<Decoded> decoded = format->decode(file, limits);
  if (!decoded.ok()) return decoded.status().with_context(fmt::format("{} image", format->name));
  return oriented(std::move(decoded->image), decoded->orientation);
}

}  // namespace accel::image
