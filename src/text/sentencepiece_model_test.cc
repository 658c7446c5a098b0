#include "text/sentencepiece_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>

namespace accel::text {
namespace {

using ::testing::HasSubstr;

// One field of a message: a number, or bytes with their length.
std::string number(uint32_t field, uint8_t value) {
  std::string bytes;
  const uint32_t tag = field << 3;
  if (tag < 0x80) {
    bytes += static_cast<char>(tag);
  } else {
    bytes += {static_cast<char>(tag | 0x80), static_cast<char>(tag >> 7)};
  }
  return bytes + static_cast<char>(value);
}

std::string bytes(uint8_t field, const std::string& content) {
  return std::string{static_cast<char>(field << 3 | 2), static_cast<char>(content.size())} +
         content;
}

std::string piece(const std::string& text, float score, uint8_t kind = 1) {
  const auto bits = std::bit_cast<uint32_t>(score);
  std::string fixed{static_cast<char>(2 << 3 | 5)};
  for (int i = 0; i < 4; ++i) fixed += static_cast<char>(bits >> (8 * i));
  return bytes(1, bytes(1, text) + fixed + number(3, kind));
}

TEST(SentencePieceModel, IsRead) {
  const std::string file = piece("<unk>", 0, 2) + piece("▁a", -1.5F) + piece("<0x41>", -2, 6) +
                           bytes(2, number(3, 2) + number(35, 1) + number(40, 0)) +
                           bytes(3, bytes(1, "identity") + bytes(2, "table"));
  const auto model = parse_sentencepiece_model(file);
  ASSERT_TRUE(model.ok()) << model.status().to_string();
  EXPECT_EQ(model->algorithm, SentencePieceModel::Algorithm::kBpe);
  EXPECT_TRUE(model->byte_fallback);
  EXPECT_EQ(model->charsmap, "table");
  ASSERT_EQ(model->pieces.size(), 3u);
  EXPECT_EQ(model->pieces[0].kind, PieceKind::kUnknown);
  EXPECT_EQ(model->pieces[1].text, "▁a");
  EXPECT_EQ(model->pieces[1].score, -1.5F);
  EXPECT_EQ(model->pieces[2].kind, PieceKind::kByte);
}

TEST(SentencePieceModel, IgnoresFieldsItDoesNotKnow) {
  const auto model =
      parse_sentencepiece_model(piece("<unk>", 0, 2) + bytes(4, "self test") + number(99, 1));
  EXPECT_TRUE(model.ok()) << model.status().to_string();
}

TEST(SentencePieceModel, IsRefusedWhenBroken) {
  const auto refused = [](const std::string& file) {
    return parse_sentencepiece_model(file).status();
  };
  EXPECT_EQ(refused("").code(), StatusCode::kDataLoss);
  EXPECT_THAT(refused("").message(), HasSubstr("no pieces"));
  const std::string good = piece("<unk>", 0, 2);
  EXPECT_EQ(refused(good.substr(0, good.size() - 1)).code(), StatusCode::kDataLoss);
  EXPECT_THAT(refused(good + "\x0a\x7f").message(), HasSubstr("breaks off after 1"));
  EXPECT_THAT(refused(good + piece("\xff", 0)).message(), HasSubstr("UTF-8"));
  EXPECT_THAT(refused(good + piece("a", NAN)).message(), HasSubstr("score"));
  EXPECT_THAT(refused(good + piece("a", 0, 9)).message(), HasSubstr("kind"));
  EXPECT_THAT(refused(good + bytes(2, number(40, 7))).message(), HasSubstr("unknown piece 7"));
  EXPECT_EQ(refused(good + bytes(2, number(3, 4))).code(), StatusCode::kUnimplemented);
  EXPECT_EQ(refused(std::string(11, '\xff')).code(), StatusCode::kDataLoss);
}

}  // namespace
}  // namespace accel::text
