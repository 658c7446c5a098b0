// The format: https://www.w3.org/TR/png-3/.
#include "image/png.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <new>
#include <string_view>
#include <utility>

#include "base/try.h"

namespace accel::image {
namespace {

using File = std::vector<std::byte>;

// Colour types of the header.
constexpr uint8_t kGray = 0;
constexpr uint8_t kRgb = 2;
constexpr uint8_t kPalette = 3;

// Row filters. Photographs pack better as differences to the pixel at the left, masks as they are.
constexpr uint8_t kPlain = 0;
constexpr uint8_t kSub = 1;

void put(File& file, std::span<const uint8_t> bytes) {
  const auto* begin = reinterpret_cast<const std::byte*>(bytes.data());
  file.insert(file.end(), begin, begin + bytes.size());
}

std::array<uint8_t, 4> big_endian(uint32_t value) {
  return {static_cast<uint8_t>(value >> 24), static_cast<uint8_t>(value >> 16),
          static_cast<uint8_t>(value >> 8), static_cast<uint8_t>(value)};
}

void put_chunk(File& file, std::string_view type, std::span<const uint8_t> content) {
  put(file, big_endian(static_cast<uint32_t>(content.size())));
  const size_t begin = file.size();
  put(file, {reinterpret_cast<const uint8_t*>(type.data()), type.size()});
  put(file, content);
  const auto* checked = reinterpret_cast<const Bytef*>(file.data() + begin);
  put(file, big_endian(static_cast<uint32_t>(crc32_z(0, checked, file.size() - begin))));
}

std::vector<uint8_t> filtered(std::span<const uint8_t> pixels, size_t row_bytes, size_t step,
                              uint8_t filter) {
  std::vector<uint8_t> out;
  out.reserve(pixels.size() + pixels.size() / row_bytes);
  for (size_t begin = 0; begin < pixels.size(); begin += row_bytes) {
    const std::span<const uint8_t> row = pixels.subspan(begin, row_bytes);
    out.push_back(filter);
    for (size_t i = 0; i < row_bytes; ++i) {
      const unsigned left = filter == kSub && i >= step ? row[i - step] : 0U;
      out.push_back(static_cast<uint8_t>(row[i] - left));
    }
  }
  return out;
}

struct Pixels {
  Size size;
  std::span<const uint8_t> bytes;
  uint8_t colour_type = kGray;
  std::span<const Colour> palette;
};

Status check_pixels(const Pixels& pixels, size_t step) {
  const Size& size = pixels.size;
  if (size.width >= 1 && size.height >= 1 && pixels.bytes.size() == size.pixels() * step) return {};
  return invalid_argument(fmt::format("PNG: expected {} byte(s) for each of {}x{} pixels, found {} "
                                      "in all",
                                      step, size.width, size.height, pixels.bytes.size()));
}

Result<File> encode(const Pixels& pixels) {
  const size_t step = pixels.colour_type == kRgb ? kChannels : 1;
  ACCEL_TRY(check_pixels(pixels, step));
  const auto width = static_cast<uint32_t>(pixels.size.width);
  try {
    const std::vector<uint8_t> rows =
        filtered(pixels.bytes, width * step, step, pixels.colour_type == kRgb ? kSub : kPlain);
    uLongf size = compressBound(rows.size());
    std::vector<uint8_t> packed(size);
    const int code =
        compress2(packed.data(), &size, rows.data(), rows.size(), Z_DEFAULT_COMPRESSION);
    if (code != Z_OK) return resource_exhausted("PNG: no memory to pack the pixels");
    if (size >= uint64_t{1} << 31) return resource_exhausted("PNG: the pixels exceed a chunk");
    packed.resize(size);

    File file;
    constexpr std::array<uint8_t, 8> kSignature{0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
    put(file, kSignature);
    std::vector<uint8_t> header;
    std::ranges::copy(big_endian(width), std::back_inserter(header));
    std::ranges::copy(big_endian(static_cast<uint32_t>(pixels.size.height)),
                      std::back_inserter(header));
    constexpr uint8_t kDepth = 8;
    header.insert(header.end(), {kDepth, pixels.colour_type, 0, 0, 0});
    put_chunk(file, "IHDR", header);
    if (pixels.colour_type == kPalette) {
      put_chunk(file, "PLTE", {pixels.palette.front().data(), pixels.palette.size() * kChannels});
    }
    put_chunk(file, "IDAT", packed);
    put_chunk(file, "IEND", {});
    return file;
  } catch (const std::bad_alloc&) {
    return resource_exhausted("PNG: no memory for the file");
  }
}

}  // namespace

Result<File> encode_png(const Image& image) {
  return encode({.size = image.size, .bytes = image.pixels, .colour_type = kRgb});
}

Result<File> encode_gray_png(const Plane& plane) {
  return encode({.size = plane.size, .bytes = plane.values, .colour_type = kGray});
}

Result<File> encode_palette_png(const Plane& plane, std::span<const Colour> palette) {
  constexpr size_t kColoursMax = 256;
  if (palette.empty() || palette.size() > kColoursMax) {
    return invalid_argument(fmt::format("PNG: expected a palette of 1 to {} colours, found {}",
                                        kColoursMax, palette.size()));
  }
  const auto beyond =
      std::ranges::find_if(plane.values, [&](uint8_t value) { return value >= palette.size(); });
  if (beyond != plane.values.end()) {
    return invalid_argument(
        fmt::format("PNG: expected indices below {}, found {}", palette.size(), *beyond));
  }
  return encode(
      {.size = plane.size, .bytes = plane.values, .colour_type = kPalette, .palette = palette});
}

}  // namespace accel::image
