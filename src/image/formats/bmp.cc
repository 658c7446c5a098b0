// BMP: a file header, a header in one of seven sizes, a palette or colour masks, and rows from the
// bottom up (https://learn.microsoft.com/windows/win32/gdi/bitmap-storage).
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>

#include "base/try.h"
#include "image/formats/formats.h"
#include "image/formats/numbers.h"

namespace accel::image {
namespace {

constexpr size_t kFileHeaderBytes = 14;
constexpr uint32_t kCoreHeaderBytes = 12;  // OS/2 1: 16-bit sizes, 3 bytes per palette entry
constexpr std::array<uint32_t, 7> kHeaderBytes{kCoreHeaderBytes, 40, 52, 56, 64, 108, 124};
constexpr size_t kMasksBegin = 54;  // inside the longer headers, right behind one of 40 bytes

using Colour = std::array<uint8_t, kChannels>;

struct Header {
  Size size;
  bool top_down = false;
  unsigned bits = 0;  // per pixel
  bool masked = false;
  size_t palette_begin = 0;
  size_t colours = 0;
  size_t colour_bytes = 4;  // of a palette entry
  size_t data_begin = 0;
};

// One channel of a 16-, 24- or 32-bit pixel.
struct Channel {
  uint32_t mask = 0;
  int shift = 0;

  uint8_t of(uint32_t pixel) const {
    return mask == 0 ? 0 : static_cast<uint8_t>(((pixel & mask) >> shift) * 255 / (mask >> shift));
  }
};

Result<Channel> channel_of(uint32_t mask) {
  if (mask == 0) return Channel{};
  const int shift = std::countr_zero(mask);
  const uint32_t low = mask >> shift;
  if ((low & (low + 1)) != 0 || low > 255) {
    return unimplemented(
        fmt::format("colour mask {:#010x} is not supported; expected up to 8 bits in a row", mask));
  }
  return Channel{mask, shift};
}

Status check_compression(uint32_t compression, Header& header) {
  constexpr uint32_t kNone = 0;
  constexpr uint32_t kRle8 = 1;
  constexpr uint32_t kRle4 = 2;
  constexpr uint32_t kMasks = 3;
  header.masked = compression == kMasks;
  if (compression == kNone) return {};
  if (header.masked && (header.bits == 16 || header.bits == 24 || header.bits == 32)) return {};
  const std::string_view name = compression == kRle8   ? "run-length (RLE8)"
                                : compression == kRle4 ? "run-length (RLE4)"
                                                       : "this";
  return unimplemented(fmt::format("{} compression (number {}) at {} bits per pixel is not "
                                   "supported: save it uncompressed, or as PNG",
                                   name, compression, header.bits));
}

// Sizes, depth and compression out of the header of `bytes` bytes.
Status read_header(Bytes file, uint32_t bytes, const DecodeLimits& limits, Header& header) {
  uint64_t width = 0;
  uint64_t height = 0;
  uint32_t compression = 0;
  if (bytes == kCoreHeaderBytes) {
    width = little<uint16_t>(file, 18);
    height = little<uint16_t>(file, 20);
    header.bits = little<uint16_t>(file, 24);
    header.colour_bytes = 3;
  } else {
    const auto signed_height = static_cast<int32_t>(little<uint32_t>(file, 22));
    header.top_down = signed_height < 0;
    width = little<uint32_t>(file, 18);
    height = static_cast<uint64_t>(std::abs(int64_t{signed_height}));
    header.bits = little<uint16_t>(file, 28);
    compression = little<uint32_t>(file, 30);
    header.colours = little<uint32_t>(file, 46);
  }
  constexpr std::array<unsigned, 6> kDepths{1, 4, 8, 16, 24, 32};
  if (std::ranges::find(kDepths, header.bits) == kDepths.end()) {
    return unimplemented(fmt::format(
        "{} bits per pixel are not supported; expected 1, 4, 8, 16, 24 or 32", header.bits));
  }
  ACCEL_TRY(check_compression(compression, header));
  ACCEL_ASSIGN(header.size, check_size(width, height, limits));
  return {};
}

Result<Header> parse(Bytes file, const DecodeLimits& limits) {
  if (file.size() < kFileHeaderBytes + 4) return ends_early(file, "a header");
  Header header;
  const auto bytes = little<uint32_t>(file, kFileHeaderBytes);
  if (std::ranges::find(kHeaderBytes, bytes) == kHeaderBytes.end()) {
    return unimplemented(fmt::format("a header of {} bytes is not supported; expected {}", bytes,
                                     fmt::join(kHeaderBytes, ", ")));
  }
  header.palette_begin = kFileHeaderBytes + bytes;
  if (file.size() < header.palette_begin) return ends_early(file, "the rest of the header");
  ACCEL_TRY(read_header(file, bytes, limits, header));

  header.data_begin = little<uint32_t>(file, 10);
  size_t behind = header.palette_begin;
  if (header.bits <= 8) {
    constexpr size_t kColoursMax = 65'536;
    if (header.colours == 0) header.colours = size_t{1} << header.bits;
    if (header.colours > kColoursMax) {
      return data_loss(fmt::format("expected at most {} colours in the palette, found {}",
                                   kColoursMax, header.colours));
    }
    behind += header.colours * header.colour_bytes;
    if (file.size() < behind) return ends_early(file, "the rest of the palette");
    // Some writers forget the palette here, and Pillow forgives them.
    if (header.data_begin == header.palette_begin) header.data_begin = behind;
  } else if (header.masked) {
    behind = std::max(behind, kMasksBegin + kChannels * sizeof(uint32_t));
    if (file.size() < behind) return ends_early(file, "colour masks");
  }
  if (header.data_begin == 0) header.data_begin = behind;
  return header;
}

// Entries are blue, green, red; what the file lacks is black. Deeper pixels use none, whatever the
// header says.
std::array<Colour, 256> palette_of(Bytes file, const Header& header) {
  std::array<Colour, 256> palette{};
  if (header.bits > 8) return palette;
  for (size_t i = 0; i < std::min(header.colours, palette.size()); ++i) {
    const size_t at = header.palette_begin + i * header.colour_bytes;
    palette[i] = {number8(file, at + 2), number8(file, at + 1), number8(file, at)};
  }
  return palette;
}

void read_indexed_row(Bytes row, unsigned bits, const std::array<Colour, 256>& palette,
                      std::span<uint8_t> out) {
  const size_t per_byte = 8 / bits;
  const unsigned mask = (1U << bits) - 1;
  for (size_t x = 0; x < out.size() / kChannels; ++x) {
    const unsigned packed = number8(row, x / per_byte);
    const auto shift = static_cast<unsigned>(8 - bits * (x % per_byte + 1));
    std::ranges::copy(palette[(packed >> shift) & mask], &out[x * kChannels]);
  }
}

uint32_t pixel_at(Bytes row, size_t at, unsigned bits) {
  if (bits == 16) return little<uint16_t>(row, at);
  if (bits == 32) return little<uint32_t>(row, at);
  return little<uint16_t>(row, at) | uint32_t{number8(row, at + 2)} << 16;
}

Result<std::array<Channel, kChannels>> channels_of(Bytes file, const Header& header) {
  std::array<uint32_t, kChannels> masks{0xFF0000, 0xFF00, 0xFF};
  if (header.bits == 16) masks = {0x7C00, 0x3E0, 0x1F};
  if (header.masked) {
    std::array<uint32_t, kChannels> stated{};
    for (size_t i = 0; i < stated.size(); ++i)
      stated[i] = little<uint32_t>(file, kMasksBegin + 4 * i);
    if (stated != std::array<uint32_t, kChannels>{}) masks = stated;
  }
  std::array<Channel, kChannels> channels;
  for (size_t i = 0; i < masks.size(); ++i) {
    ACCEL_ASSIGN(channels[i], channel_of(masks[i]));
  }
  return channels;
}

}  // namespace

bool is_bmp(Bytes file) { return has_at(file, 0, "BM"); }

Result<Decoded> decode_bmp(Bytes file, const DecodeLimits& limits) {
  ACCEL_ASSIGN(const Header header, parse(file, limits));
  const size_t row_bits = static_cast<size_t>(header.size.width) * header.bits;
  const size_t row_bytes = (row_bits + 7) / 8;
  const size_t stride = (row_bits + 31) / 32 * 4;
  const auto rows = static_cast<size_t>(header.size.height);
  if (header.data_begin > file.size() ||
      file.size() - header.data_begin < stride * (rows - 1) + row_bytes) {
    return ends_early(
        file, fmt::format("{} rows of {} bytes from byte {}", rows, stride, header.data_begin));
  }
  ACCEL_ASSIGN(Image image, black_image(header.size));
  const std::array<Colour, 256> palette = palette_of(file, header);
  ACCEL_ASSIGN(const auto channels, channels_of(file, header));
  for (int y = 0; y < header.size.height; ++y) {
    const int from = header.top_down ? y : header.size.height - 1 - y;
    const Bytes row =
        file.subspan(header.data_begin + stride * static_cast<size_t>(from), row_bytes);
    const std::span<uint8_t> out = image.row(y);
    if (header.bits <= 8) {
      read_indexed_row(row, header.bits, palette, out);
      continue;
    }
    for (size_t x = 0; x < static_cast<size_t>(header.size.width); ++x) {
      const uint32_t pixel = pixel_at(row, x * header.bits / 8, header.bits);
      for (size_t c = 0; c < kChannels; ++c) out[x * kChannels + c] = channels[c].of(pixel);
    }
  }
  return Decoded{std::move(image)};
}

}  // namespace accel::image
