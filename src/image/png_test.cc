#include "image/png.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "image/fixtures.h"

namespace accel::image {
namespace {

using testing::HasSubstr;

TEST(Png, ReadsBackWhatItWrites) {
  for (const char* name : {"middle.png", "one_pixel.png", "tall_line.png", "large.jpg"}) {
    const Image image = decoded(name);
    const Result<std::vector<std::byte>> file = encode_png(image);
    ASSERT_TRUE(file.ok()) << file.status().to_string();
    const Result<Image> again = decode(*file);
    ASSERT_TRUE(again.ok()) << again.status().to_string();
    EXPECT_EQ(again->size, image.size);
    EXPECT_EQ(again->pixels, image.pixels) << name;
  }
}

TEST(Png, WritesPlanes) {
  std::vector<uint8_t> values(size_t{7} * 3);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<uint8_t>(i % 5);
  const Plane plane{{7, 3}, values};
  const Image gray = *decode(*encode_gray_png(plane));
  const std::array<Colour, 5> palette{{{1, 2, 3}, {40, 50, 60}, {7, 8, 9}, {0, 0, 0}, {255, 1, 0}}};
  const Image coloured = *decode(*encode_palette_png(plane, palette));
  for (size_t i = 0; i < values.size(); ++i) {
    const std::span<const uint8_t> pixel = std::span(coloured.pixels).subspan(i * kChannels, 3);
    EXPECT_TRUE(std::ranges::equal(pixel, palette[values[i]])) << i;
    EXPECT_EQ(gray.pixels[i * kChannels + 2], values[i]) << i;
  }
}

TEST(Png, RefusesWhatDoesNotFit) {
  const std::vector<uint8_t> values{0, 1, 2};
  EXPECT_THAT(encode_gray_png({{2, 2}, values}).status().message(),
              HasSubstr("expected 1 byte(s) for each of 2x2 pixels, found 3"));
  EXPECT_EQ(encode_gray_png({{0, 0}, {}}).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(encode_png(Image{}).status().code(), StatusCode::kInvalidArgument);
  const std::array<Colour, 2> two{};
  EXPECT_THAT(encode_palette_png({{3, 1}, values}, two).status().message(),
              HasSubstr("expected indices below 2, found 2"));
  EXPECT_THAT(encode_palette_png({{3, 1}, values}, {}).status().message(),
              HasSubstr("a palette of 1 to 256 colours, found 0"));
}

}  // namespace
}  // namespace accel::image
