#include "image/resample.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "image/coefficients.h"
#include "image/fixtures.h"
#include "image/mixing.h"

namespace accel::image {
namespace {

using testing::HasSubstr;

constexpr int kFilters = 6;

TEST(Resample, GivesPillowsBytes) {
  size_t count = 0;
  for (const Json& entry : fixture_json("resample.json")) {
    const Image image = decoded(entry["source"].get<std::string>());
    const Size size{entry["width"].get<int>(), entry["height"].get<int>()};
    for (int filter = 0; filter < kFilters; ++filter) {
      const Result<Image> scaled =
          resample(image, {.size = size, .filter = static_cast<Filter>(filter)});
      ASSERT_TRUE(scaled.ok()) << scaled.status().to_string();
      EXPECT_EQ(checksum(std::span<const uint8_t>(scaled->pixels)),
                entry["crc32"][static_cast<size_t>(filter)].get<uint32_t>())
          << entry["source"] << " to " << size.width << "x" << size.height << ", filter " << filter;
      ++count;
    }
  }
  EXPECT_GT(count, 600U);
}

TEST(Resample, AWindowIsAPartOfTheWhole) {
  const Image image = decoded("middle.png");
  for (const Size size : {Size{40, 25}, Size{200, 61}, Size{83, 150}, Size{83, 61}}) {
    for (int filter = 0; filter < kFilters; ++filter) {
      ResampleOptions options{.size = size, .filter = static_cast<Filter>(filter)};
      const Image whole = *resample(image, options);
      options.window = Window{7, 3, {size.width - 16, size.height - 9}};
      const Image part = *resample(image, options);
      ASSERT_EQ(part.size, options.window->size);
      for (int y = 0; y < part.size.height; ++y) {
        EXPECT_EQ(0, std::memcmp(part.row(y).data(),
                                 whole.row(y + 3).data() + size_t{7} * kChannels, part.row_bytes()))
            << filter << " row " << y;
      }
    }
  }
}

// A line scaled to fill a square would be a billion pixels; the square alone is not.
TEST(Resample, AWindowCostsWhatItHolds) {
  const Image line = decoded("wide_line.png");
  const ResampleOptions options{.size = {224 * 500, 224},
                                .filter = Filter::kBicubic,
                                .window = Window{50'000, 0, {224, 224}}};
  const Result<Image> part = resample(line, options);
  ASSERT_TRUE(part.ok()) << part.status().to_string();
  EXPECT_EQ(part->pixels.size(), 224U * 224 * 3);
}

// The processor that runs this chose one of them.
TEST(Mixing, EveryFormGivesTheSame) {
  const Mixing* const forms[] = {&kPlainMixing, &mixing()};
  const Image image = decoded("middle.png");
  const Coefficients across = coefficients({.from = 61, .to = 23, .count = 23}, Filter::kLanczos);
  std::vector<uint8_t> pixels[2];
  std::vector<uint8_t> rows[2];
  for (size_t form = 0; form < 2; ++form) {
    pixels[form].resize(size_t{23} * kChannels * kLanes);
    forms[form]->pixels(image.pixels.data(), across, pixels[form].data());
    rows[form].resize(Mixing::kColumns * kLanes);
    forms[form]->rows(image.pixels.data(), image.row_bytes(), across.weights_of(11),
                      rows[form].data());
  }
  EXPECT_EQ(pixels[0], pixels[1]);
  EXPECT_EQ(rows[0], rows[1]);
  EXPECT_GT(*std::ranges::max_element(pixels[0]), 0);
}

TEST(Resample, RefusesWhatMakesNoSense) {
  const Image image = decoded("small.png");
  const auto refusal = [](const Image& from, const ResampleOptions& options) {
    const Result<Image> scaled = resample(from, options);
    EXPECT_FALSE(scaled.ok());
    return scaled.status();
  };
  EXPECT_EQ(refusal(Image{}, {.size = {1, 1}}).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(refusal(image, {.size = {0, 5}}).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(refusal(image, {.size = {5, -1}}).code(), StatusCode::kInvalidArgument);
  for (const Window window : {Window{-1, 0, {2, 2}}, Window{0, -1, {2, 2}}, Window{4, 0, {2, 2}},
                              Window{0, 4, {2, 2}}, Window{0, 0, {0, 2}}}) {
    EXPECT_THAT(refusal(image, {.size = {5, 5}, .window = window}).message(),
                HasSubstr("expected a window inside 5x5 pixels"));
  }
  EXPECT_EQ(refusal(image, {.size = {60'000, 60'000}}).code(), StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace accel::image
