#include "image/draw.h"

#include <gtest/gtest.h>

#include <limits>
#include <set>

#include "image/font.h"

namespace accel::image {
namespace {

// Pixels as characters: "." black, "#" the class's colour, "o" ink on it.
std::string shown(const Image& image, int class_id) {
  std::string text;
  for (int y = 0; y < image.size.height; ++y) {
    for (int x = 0; x < image.size.width; ++x) {
      const auto* at = &image.row(y)[static_cast<size_t>(x) * kChannels];
      const Colour colour{at[0], at[1], at[2]};
      text += colour == class_colour(class_id) ? '#' : colour == Colour{} ? '.' : 'o';
    }
    text += '\n';
  }
  return text;
}

TEST(Draw, DrawsAFrame) {
  Image image = *black_image({8, 5});
  draw_boxes(image, std::vector<LabelledBox>{{1, 1, 6, 4, 3, ""}});
  EXPECT_EQ(shown(image, 3), "........\n"
                             ".#####..\n"
                             ".#...#..\n"
                             ".#####..\n"
                             "........\n");
}

TEST(Draw, PutsTheLabelAboveOrInside) {
  const int dark = 5;  // white ink
  Image above = *black_image({20, 24});
  draw_boxes(above, std::vector<LabelledBox>{{2, 14, 18, 22, dark, "L1"}});
  EXPECT_EQ(shown(above, dark), "....................\n"
                                "....................\n"
                                "....................\n"
                                "..###############...\n"
                                "..###############...\n"
                                "..##o#######o####...\n"
                                "..##o######oo####...\n"
                                "..##o#######o####...\n"
                                "..##o#######o####...\n"
                                "..##o#######o####...\n"
                                "..##o#######o####...\n"
                                "..##ooooo##ooo###...\n"
                                "..###############...\n"
                                "..###############...\n"
                                "..################..\n"
                                "..#..............#..\n"
                                "..#..............#..\n"
                                "..#..............#..\n"
                                "..#..............#..\n"
                                "..#..............#..\n"
                                "..#..............#..\n"
                                "..################..\n"
                                "....................\n"
                                "....................\n");
  Image inside = *black_image({20, 14});
  draw_boxes(inside, std::vector<LabelledBox>{{2, 1, 18, 13, dark, "L1"}});
  EXPECT_EQ(shown(inside, dark).substr(0, size_t{4} * 21), "....................\n"
                                                           "..################..\n"
                                                           "..################..\n"
                                                           "..##o#######o#####..\n");
}

TEST(Draw, StaysInsideTheImage) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  const Image untouched = *black_image({30, 20});
  Image image = untouched;
  draw_boxes(image,
             std::vector<LabelledBox>{{kNan, 0, 5, 5, 1, "a"},
                                      {0, 0, 5, kNan, 1, "a"},
                                      {5, 5, 5, 9, 1, "empty"},
                                      {9, 9, 2, 2, 1, "inverted"},
                                      {-kInfinity, -kInfinity, kInfinity, kInfinity, 1, ""}});
  EXPECT_EQ(image.pixels, untouched.pixels);
  draw_boxes(image,
             std::vector<LabelledBox>{{-1e30F, -5, 1e30F, 500, std::numeric_limits<int>::min(),
                                       std::string(1000, 'w') + "\xC3\xA4\xFF\x01"}});
  EXPECT_NE(image.pixels, untouched.pixels);
}

TEST(Draw, AnOddCharacterIsAQuestionMark) {
  const auto drawn = [](const std::string& label) {
    Image image = *black_image({60, 40});
    draw_boxes(image, std::vector<LabelledBox>{{5, 20, 50, 35, 0, label}});
    return image.pixels;
  };
  EXPECT_EQ(drawn("caf\xC3\xA9\x7F"), drawn("caf??"));
  EXPECT_NE(drawn("cafe"), drawn("caf?"));
}

TEST(Draw, ClassesHaveColoursOfTheirOwn) {
  std::set<Colour> colours;
  for (int id = 0; id < 80; ++id) colours.insert(class_colour(id));
  EXPECT_GE(colours.size(), 75U);
  EXPECT_EQ(class_colour(7), class_colour(7));
}

TEST(Font, GlyphsDiffer) {
  std::set<std::string_view> glyphs;
  for (const std::string_view glyph : kGlyphs) {
    ASSERT_EQ(glyph.size(), static_cast<size_t>(kGlyphHeight));
    for (const char digit : glyph) {
      EXPECT_TRUE((digit >= '0' && digit <= '9') || (digit >= 'a' && digit <= 'v')) << glyph;
    }
    EXPECT_TRUE(glyphs.insert(glyph).second) << glyph;
  }
}

}  // namespace
}  // namespace accel::image
