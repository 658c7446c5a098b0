#include "server/http/coding.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace accel::http {
namespace {

constexpr uint64_t kLimit = 1 << 20;

std::string varied(size_t size) {
  std::mt19937 random(7);
  std::string text(size, '\0');
  for (char& c : text) c = static_cast<char>('a' + random() % 9);
  return text;
}

TEST(Coding, NamesAreReadInAnyCase) {
  EXPECT_EQ(parse_coding(""), Coding::kIdentity);
  EXPECT_EQ(parse_coding("identity"), Coding::kIdentity);
  EXPECT_EQ(parse_coding(" GZip "), Coding::kGzip);
  EXPECT_EQ(parse_coding("x-gzip"), Coding::kGzip);
  EXPECT_EQ(parse_coding("DEFLATE"), Coding::kDeflate);
  EXPECT_EQ(parse_coding("br"), std::nullopt);
  EXPECT_EQ(parse_coding("gzip, gzip"), std::nullopt);
  EXPECT_EQ(to_string(Coding::kGzip), "gzip");
}

TEST(Coding, IsChosenByWeight) {
  const struct {
    std::string_view header;
    Coding chosen;
  } cases[] = {
      {"", Coding::kIdentity},
      {"gzip", Coding::kGzip},
      {"gzip, deflate, br, zstd", Coding::kGzip},
      {"deflate, gzip", Coding::kGzip},
      {"deflate;q=1.0, gzip;q=0.5", Coding::kDeflate},
      {"GZIP;Q=0.5", Coding::kGzip},
      {"gzip;q=0", Coding::kIdentity},
      {"gzip;q=0.000, deflate", Coding::kDeflate},
      {"*", Coding::kGzip},
      {"gzip;q=0, *", Coding::kDeflate},
      {"*;q=0", Coding::kIdentity},
      {"br", Coding::kIdentity},
      {"identity, gzip;q=0.5", Coding::kIdentity},
      {"identity;q=0.2, gzip;q=0.5", Coding::kGzip},
      {"identity;q=0", Coding::kIdentity},
      {"gzip;q=2", Coding::kIdentity},
      {"gzip;q=x", Coding::kIdentity},
      {"gzip;q=0.12345", Coding::kIdentity},
      {"gzip ; q=0.1 , ", Coding::kGzip},
      {", ;q=1,", Coding::kIdentity},
  };
  for (const auto& [header, chosen] : cases) EXPECT_EQ(choose_coding(header), chosen) << header;
}

TEST(Coding, DecodesWhatItEncodes) {
  for (const Coding coding : {Coding::kIdentity, Coding::kGzip, Coding::kDeflate}) {
    for (const size_t size : {0, 1, 100, 4096, 4097, 300'000}) {
      const std::string text = varied(size);
      const auto decoded = decode(coding, encode(coding, text), kLimit);
      ASSERT_TRUE(decoded.ok()) << decoded.status().to_string();
      EXPECT_EQ(*decoded, text);
    }
  }
  EXPECT_LT(encode(Coding::kGzip, varied(100'000)).size(), 60'000u);
}

TEST(Coding, TakesDeflateWithoutItsHeader) {
  const std::string text = varied(5000);
  const std::string with = encode(Coding::kDeflate, text);
  const std::string raw = with.substr(2, with.size() - 6);  // and without its check sum
  const auto decoded = decode(Coding::kDeflate, raw, kLimit);
  ASSERT_TRUE(decoded.ok()) << decoded.status().to_string();
  EXPECT_EQ(*decoded, text);
}

TEST(Coding, StopsAtTheLimit) {
  const std::string bomb = encode(Coding::kGzip, std::string(64 << 20, '\0'));
  EXPECT_LT(bomb.size(), 400'000u);
  EXPECT_EQ(decode(Coding::kGzip, bomb, kLimit).status().code(), StatusCode::kOutOfRange);
  const std::string text = varied(5000);
  for (const Coding coding : {Coding::kIdentity, Coding::kGzip, Coding::kDeflate}) {
    EXPECT_TRUE(decode(coding, encode(coding, text), 5000).ok());
    EXPECT_EQ(decode(coding, encode(coding, text), 4999).status().code(), StatusCode::kOutOfRange);
    EXPECT_EQ(decode(coding, encode(coding, text), 0).status().code(), StatusCode::kOutOfRange);
  }
}

TEST(Coding, RefusesWhatIsBroken) {
  const std::string fine = encode(Coding::kGzip, varied(5000));
  std::string flipped = fine;
  flipped[fine.size() / 2] ^= 1;
  for (const std::string& bytes :
       {std::string(), std::string("hello"), fine.substr(0, 5), fine.substr(0, fine.size() - 1),
        fine + "x", fine + fine, flipped}) {
    EXPECT_EQ(decode(Coding::kGzip, bytes, kLimit).status().code(), StatusCode::kInvalidArgument);
  }
  EXPECT_EQ(decode(Coding::kDeflate, "hello", kLimit).status().code(),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(decode(Coding::kDeflate, fine, kLimit).status().code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace accel::http
