#include "image/orientation.h"

#include <gtest/gtest.h>

#include <string>

#include "image/fixtures.h"

namespace accel::image {
namespace {

// A TIFF block with one entry: tag, type, count and value.
std::string block(uint16_t tag, uint16_t type, uint32_t count, uint32_t value) {
  std::string text("II*\0\x08\0\0\0\x01\0", 10);
  const auto put = [&](uint64_t number, size_t bytes) {
    for (size_t i = 0; i < bytes; ++i) text.push_back(static_cast<char>(number >> (8 * i)));
  };
  put(tag, 2);
  put(type, 2);
  put(count, 4);
  put(value, 4);
  return text;
}

TEST(Orientation, ReadsTheTagOfExif) {
  const std::string upside_down = block(0x0112, 3, 1, 3);
  EXPECT_EQ(exif_orientation(as_bytes(upside_down)), 3);
  EXPECT_EQ(exif_orientation(as_bytes(std::string("Exif\0\0", 6) + upside_down)), 3);
  EXPECT_EQ(exif_orientation(as_bytes(block(0x0112, 1, 1, 6))), 6);
  EXPECT_EQ(exif_orientation(as_bytes(block(0x0112, 4, 1, 8))), 8);
  EXPECT_EQ(exif_orientation(as_bytes(block(0x0112, 3, 2, 3))), std::nullopt);
  EXPECT_EQ(exif_orientation(as_bytes(block(0x0112, 2, 1, 3))), std::nullopt);
  EXPECT_EQ(exif_orientation(as_bytes(block(0x010E, 3, 1, 3))), std::nullopt);
  for (size_t size = 0; size < upside_down.size(); ++size) {
    EXPECT_EQ(exif_orientation(as_bytes(upside_down.substr(0, size))), std::nullopt) << size;
  }
}

TEST(Orientation, ReadsTheDigitOfXmp) {
  EXPECT_EQ(xmp_orientation("<a tiff:Orientation=\"6\"/>"), 6);
  EXPECT_EQ(xmp_orientation("<tiff:Orientation>8</tiff:Orientation>"), 8);
  EXPECT_EQ(xmp_orientation("tiff:Orientation tiff:Orientation=\"x tiff:Orientation>2"), 2);
  EXPECT_EQ(xmp_orientation("<a tiff:Orientation=\""), std::nullopt);
  EXPECT_EQ(xmp_orientation(""), std::nullopt);
}

TEST(Orientation, TurnsPixels) {
  Image image = *black_image({3, 2});
  for (size_t i = 0; i < 6; ++i) image.pixels[i * kChannels] = static_cast<uint8_t>(i);
  const auto turned = [&](int orientation) {
    const Image upright = *oriented(image, orientation);
    std::string reds;
    for (size_t i = 0; i < 6; ++i) {
      if (i > 0 && i % static_cast<size_t>(upright.size.width) == 0) reds += '/';
      reds += static_cast<char>('0' + upright.pixels[i * kChannels]);
    }
    return reds;
  };
  EXPECT_EQ(turned(1), "012/345");
  EXPECT_EQ(turned(2), "210/543");
  EXPECT_EQ(turned(3), "543/210");
  EXPECT_EQ(turned(4), "345/012");
  EXPECT_EQ(turned(5), "03/14/25");
  EXPECT_EQ(turned(6), "30/41/52");
  EXPECT_EQ(turned(7), "52/41/30");
  EXPECT_EQ(turned(8), "25/14/03");
  EXPECT_EQ(turned(0), "012/345");
  EXPECT_EQ(turned(9), "012/345");
}

}  // namespace
}  // namespace accel::image
