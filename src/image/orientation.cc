#include "image/orientation.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/try.h"
#include "image/formats/formats.h"
#include "image/formats/numbers.h"

namespace accel::image {
namespace {

constexpr uint16_t kOrientationTag = 0x0112;

// One entry of an image file directory that holds a single whole number.
template <class Read16, class Read32>
std::optional<int> entry_value(Bytes tiff, size_t at, Read16 read16, Read32 read32) {
  constexpr uint16_t kByte = 1;
  constexpr uint16_t kShort = 3;
  constexpr uint16_t kLong = 4;
  if (read32(tiff, at + 4) != 1) return std::nullopt;
  const uint16_t type = read16(tiff, at + 2);
  if (type == kByte) return number8(tiff, at + 8);
  if (type == kShort) return read16(tiff, at + 8);
  if (type == kLong) return static_cast<int>(std::min<uint32_t>(read32(tiff, at + 8), 255));
  return std::nullopt;
}

template <class Read16, class Read32>
std::optional<int> directory_value(Bytes tiff, Read16 read16, Read32 read32) {
  constexpr size_t kEntryBytes = 12;
  const size_t begin = read32(tiff, 4);
  if (begin > tiff.size() || tiff.size() - begin < 2) return std::nullopt;
  const size_t count = read16(tiff, begin);
  for (size_t i = 0; i < count; ++i) {
    const size_t at = begin + 2 + kEntryBytes * i;
    if (tiff.size() < at + kEntryBytes) return std::nullopt;
    if (read16(tiff, at) == kOrientationTag) return entry_value(tiff, at, read16, read32);
  }
  return std::nullopt;
}

// Where the pixel (x, y) of the upright image lies in the stored one, as steps in bytes.
struct Walk {
  ptrdiff_t begin = 0;
  ptrdiff_t per_x = 0;
  ptrdiff_t per_y = 0;
};

Walk walk_of(const Image& stored, int orientation) {
  const auto row = static_cast<ptrdiff_t>(stored.row_bytes());
  const ptrdiff_t right = row - kChannels;
  const ptrdiff_t bottom = row * (stored.size.height - 1);
  switch (orientation) {
    case 2: return {right, -kChannels, row};
    case 3: return {right + bottom, -kChannels, -row};
    case 4: return {bottom, kChannels, -row};
    case 5: return {0, row, kChannels};
    case 6: return {bottom, -row, kChannels};
    case 7: return {right + bottom, -row, -kChannels};
    default: return {right, row, -kChannels};
  }
}

}  // namespace

std::optional<int> exif_orientation(Bytes exif) {
  constexpr std::string_view kPrefix("Exif\0\0", 6);
  while (has_at(exif, 0, kPrefix)) exif = exif.subspan(kPrefix.size());
  if (exif.size() < 8) return std::nullopt;
  if (has_at(exif, 0, std::string_view("II*\0", 4))) {
    return directory_value(exif, little<uint16_t>, little<uint32_t>);
  }
  if (has_at(exif, 0, std::string_view("MM\0*", 4))) {
    return directory_value(exif, big<uint16_t>, big<uint32_t>);
  }
  return std::nullopt;
}

std::optional<int> xmp_orientation(std::string_view xmp) {
  constexpr std::string_view kName = "tiff:Orientation";
  for (size_t at = xmp.find(kName); at != std::string_view::npos; at = xmp.find(kName, at)) {
    at += kName.size();
    std::string_view rest = xmp.substr(at);
    if (rest.starts_with("=\"")) {
      rest.remove_prefix(2);
    } else if (rest.starts_with(">")) {
      rest.remove_prefix(1);
    } else {
      continue;
    }
    if (!rest.empty() && rest[0] >= '0' && rest[0] <= '9') return rest[0] - '0';
  }
  return std::nullopt;
}

Result<Image> oriented(Image image, int orientation) {
  if (orientation < 2 || orientation > 8) return image;
  const bool turned = orientation >= 5;
  const Size size = turned ? Size{image.size.height, image.size.width} : image.size;
  ACCEL_ASSIGN(Image upright, black_image(size));
  const Walk walk = walk_of(image, orientation);
  uint8_t* to = upright.pixels.data();
  for (int y = 0; y < size.height; ++y) {
    ptrdiff_t from = walk.begin + walk.per_y * y;
    for (int x = 0; x < size.width; ++x, from += walk.per_x, to += kChannels) {
      std::memcpy(to, image.pixels.data() + from, kChannels);
    }
  }
  return upright;
}

}  // namespace accel::image
