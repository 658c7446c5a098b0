#include "image/decode.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "image/fixtures.h"

namespace accel::image {
namespace {

using testing::HasSubstr;

Status refusal(std::string_view file, const DecodeLimits& limits = {}) {
  const Result<Image> image = decode(as_bytes(file), limits);
  EXPECT_FALSE(image.ok());
  return image.status();
}

std::string decode_file(std::string_view name) {
  return file_text(fixture("decode") / std::filesystem::path(name));
}

TEST(Decode, GivesPillowsBytes) {
  const std::string expected = file_text(fixture("decode.rgb"));
  size_t count = 0;
  for (const Json& entry : fixture_json("decode.json")) {
    const auto name = entry["file"].get<std::string>();
    const Result<Image> image = decode(as_bytes(decode_file(name)));
    ASSERT_TRUE(image.ok()) << name << ": " << image.status().to_string();
    EXPECT_EQ(image->size.width, entry["width"].get<int>()) << name;
    EXPECT_EQ(image->size.height, entry["height"].get<int>()) << name;
    const std::string_view found(reinterpret_cast<const char*>(image->pixels.data()),
                                 image->pixels.size());
    const auto wanted =
        std::string_view(expected).substr(entry["begin"].get<size_t>(), found.size());
    const auto [at, other] = std::ranges::mismatch(found, wanted);
    EXPECT_TRUE(found == wanted) << name << " differs from byte " << at - found.begin();
    ++count;
  }
  EXPECT_GT(count, 80U);
}

// Whatever a file is cut to, it is refused with the byte where it ends, or (behind the last
// pixel) decodes to the same.
TEST(Decode, NoticesEveryTruncation) {
  for (const char* name :
       {"rgb.png", "interlaced_rgba.png", "444.jpg", "progressive.jpg", "cmyk.jpg", "lossy.webp",
        "lossless_alpha.webp", "rgb.bmp", "palette4.bmp", "palette.gif", "interlaced.gif"}) {
    const std::string whole = decode_file(name);
    const Image image = *decode(as_bytes(whole));
    size_t complete = 0;
    for (size_t size = 0; size < whole.size(); ++size) {
      const Result<Image> cut = decode(as_bytes(std::string_view(whole).substr(0, size)));
      if (cut.ok()) {
        EXPECT_EQ(cut->pixels, image.pixels) << name << " " << size;
        ++complete;
      } else if (size > 16) {
        EXPECT_EQ(cut.status().code(), StatusCode::kDataLoss) << name << " " << size;
      }
    }
    EXPECT_LE(complete, 16U) << name;
  }
  const std::string whole = decode_file("444.jpg");
  const Status status = refusal(std::string_view(whole).substr(0, whole.size() / 2 + 300));
  EXPECT_THAT(status.message(), HasSubstr("JPEG image: expected the rest of the pixels, found the "
                                          "end of the file at byte"));
  EXPECT_THAT(status.message(), HasSubstr("truncated"));
  EXPECT_EQ(status.offset(), whole.size() / 2 + 300);
}

TEST(Decode, RefusesWhatIsNoImage) {
  EXPECT_THAT(refusal("").message(), HasSubstr("found an empty file"));
  const Status text = refusal("hello world");
  EXPECT_EQ(text.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(text.message(), HasSubstr("a file that starts with 68 65 6c 6c 6f 20 77 6f"));
  for (const char* start : {"BM", "GIF89a", "\xFF\xD8\xFF", "\x89PNG\r\n\x1A\n"}) {
    EXPECT_EQ(refusal(start).code(), StatusCode::kDataLoss) << start;
  }
}

TEST(Decode, RefusesSizesBeforeItAllocates) {
  const auto bad = [](std::string_view name) {
    return refusal(file_text(fixture("bad") / std::filesystem::path(name)));
  };
  const Status huge = bad("huge.png");
  EXPECT_EQ(huge.code(), StatusCode::kResourceExhausted);
  EXPECT_THAT(huge.message(), HasSubstr("expected at most 178956970 pixels, found 30000x30000"));
  EXPECT_THAT(bad("bomb.png").message(), HasSubstr("cannot hold 12000x12000 pixels"));
  EXPECT_THAT(bad("wide.png").message(), HasSubstr("expected at most 1000000 pixels on a side"));
  EXPECT_EQ(bad("no_pixels.png").code(), StatusCode::kDataLoss);
  EXPECT_THAT(bad("rle.bmp").message(), HasSubstr("run-length (RLE8) compression"));
  EXPECT_THAT(bad("masks.bmp").message(), HasSubstr("colour mask 0x000003ff is not supported"));
}

// The sizes in a header are put to `width` and `height`, two bytes each.
std::string with_size(std::string file, size_t at, bool big_endian, int width, int height) {
  for (const int side : {width, height}) {
    file[at + (big_endian ? 1 : 0)] = static_cast<char>(side & 0xFF);
    file[at + (big_endian ? 0 : 1)] = static_cast<char>(side >> 8);
    at += 2;
  }
  return file;
}

TEST(Decode, RefusesSizesOfEveryFormat) {
  std::string jpeg = decode_file("444.jpg");
  const size_t frame = jpeg.find("\xFF\xC0") + 5;  // height first; it does not matter here
  const std::string gif = decode_file("palette.gif");
  EXPECT_THAT(refusal(with_size(jpeg, frame, true, 0, 0)).message(), HasSubstr("Empty JPEG image"));
  EXPECT_THAT(refusal(with_size(jpeg, frame, true, 30'000, 30'000)).message(),
              HasSubstr("found 30000x30000 = 900000000"));
  EXPECT_THAT(refusal(with_size(jpeg, frame, true, 12'000, 12'000)).message(),
              HasSubstr("cannot hold 12000x12000 pixels"));
  EXPECT_THAT(refusal(with_size(gif, 6, false, 30'000, 30'000)).message(),
              HasSubstr("found 30000x30000 = 900000000"));
  const std::string bmp = decode_file("rgb.bmp");
  std::string large = bmp;
  for (const size_t at : {size_t{18}, size_t{22}}) large = with_size(large, at, false, 30'000, 0);
  EXPECT_THAT(refusal(large).message(), HasSubstr("found 30000x30000 = 900000000"));
  EXPECT_THAT(refusal(with_size(bmp, 18, false, 0, 0)).message(), HasSubstr("at least 1"));
  const std::string webp = decode_file("lossy_alpha.webp");  // a canvas of 24-bit sizes less one
  const size_t canvas = webp.find("VP8X") + 12;
  EXPECT_FALSE(decode(as_bytes(with_size(webp, canvas, false, 0x7FFF, 0xFF00))).ok());
}

TEST(Decode, HonoursTheCallersLimits) {
  const std::string file = decode_file("rgb.png");
  EXPECT_TRUE(decode(as_bytes(file), {.pixels_max = 273}).ok());
  EXPECT_EQ(refusal(file, {.pixels_max = 272}).code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(refusal(file, {.side_max = 20}).code(), StatusCode::kResourceExhausted);
  EXPECT_THAT(refusal(file, {.file_bytes_max = 100}).message(),
              HasSubstr("an image file of at most 100 bytes"));
}

// A progressive file may say the same again and again.
TEST(Decode, RefusesEndlessScans) {
  const std::string file = decode_file("progressive.jpg");
  const size_t scan = file.find("\xFF\xDA");
  const size_t next = std::min(file.find("\xFF\xDA", scan + 2), file.find("\xFF\xC4", scan + 2));
  const std::string again = file.substr(scan, next - scan);
  std::string many = file.substr(0, next);
  for (int i = 0; i < 1000; ++i) many += again;
  many += file.substr(next);
  const Status status = refusal(many);
  EXPECT_EQ(status.code(), StatusCode::kResourceExhausted);
  EXPECT_THAT(status.message(), HasSubstr("expected at most 500 scans"));
}

// Single damaged bytes never crash, and give an image of the limits or a status.
TEST(Decode, SurvivesDamage) {
  for (const char* name : {"palette2.png", "420.jpg", "progressive.jpg", "cmyk.jpg", "lossy.webp",
                           "lossless.webp", "animated.webp", "bits16_masks.bmp", "core8.bmp",
                           "interlaced.gif", "moved_transparent.gif"}) {
    const std::string whole = decode_file(name);
    for (size_t at = 0; at < whole.size(); at += 3) {
      std::string damaged = whole;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << at % 8));
      const Result<Image> image = decode(as_bytes(damaged), {.pixels_max = 100'000});
      if (image.ok()) {
        EXPECT_EQ(image->pixels.size(), image->size.pixels() * kChannels) << name << " " << at;
      }
    }
  }
}

}  // namespace
}  // namespace accel::image
