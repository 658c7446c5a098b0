#include "image/draw.h"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "image/font.h"

namespace accel::image {
namespace {

// A rectangle of pixels, right and bottom not included.
struct Area {
  int left = 0;
  int top = 0;
  int right = 0;
  int bottom = 0;
};

void fill(Image& image, const Area& area, Colour colour) {
  const int left = std::max(area.left, 0);
  const int right = std::min(area.right, image.size.width);
  for (int y = std::max(area.top, 0); y < std::min(area.bottom, image.size.height); ++y) {
    const std::span<uint8_t> row = image.row(y);
    for (int x = left; x < right; ++x) {
      std::ranges::copy(colour, &row[static_cast<size_t>(x) * kChannels]);
    }
  }
}

void draw_frame(Image& image, const Area& box, int thickness, Colour colour) {
  const int across = std::min(thickness, box.right - box.left);
  const int down = std::min(thickness, box.bottom - box.top);
  fill(image, {box.left, box.top, box.right, box.top + down}, colour);
  fill(image, {box.left, box.bottom - down, box.right, box.bottom}, colour);
  fill(image, {box.left, box.top, box.left + across, box.bottom}, colour);
  fill(image, {box.right - across, box.top, box.right, box.bottom}, colour);
}

int row_bits(std::string_view glyph, int row) {
  const char digit = glyph[static_cast<size_t>(row)];
  return digit <= '9' ? digit - '0' : digit - 'a' + 10;
}

void draw_glyph(Image& image, int left, int top, int scale, std::string_view glyph, Colour colour) {
  for (int y = 0; y < kGlyphHeight; ++y) {
    for (int x = 0; x < kGlyphWidth; ++x) {
      if ((row_bits(glyph, y) >> (kGlyphWidth - 1 - x) & 1) == 0) continue;
      const int at = left + x * scale;
      const int down = top + y * scale;
      fill(image, {at, down, at + scale, down + scale}, colour);
    }
  }
}

// One glyph per character; a character of UTF-8 beyond ASCII is one "?".
std::vector<std::string_view> glyphs_of(std::string_view text) {
  std::vector<std::string_view> glyphs;
  for (const char c : text) {
    const auto code = static_cast<unsigned char>(c);
    if ((code & 0xC0U) == 0x80) continue;  // goes on with a character
    const size_t index = code - static_cast<size_t>(kFirstGlyph);
    glyphs.push_back(kGlyphs[index < kGlyphs.size() ? index : '?' - kFirstGlyph]);
  }
  return glyphs;
}

// Black or white, whichever is easier to read on `ground`.
Colour ink_on(Colour ground) {
  const int light = 299 * ground[0] + 587 * ground[1] + 114 * ground[2];  // of ITU-R 601
  return light > 140'000 ? Colour{0, 0, 0} : Colour{255, 255, 255};
}

void draw_label(Image& image, const Area& box, int scale, const LabelledBox& labelled) {
  constexpr int kMargin = 2;
  constexpr int kAdvance = kGlyphWidth + 1;
  std::vector<std::string_view> glyphs = glyphs_of(labelled.label);
  const auto room = static_cast<size_t>(std::max(image.size.width / (kAdvance * scale), 1));
  glyphs.resize(std::min(glyphs.size(), room));
  if (glyphs.empty()) return;
  const int width = (static_cast<int>(glyphs.size()) * kAdvance - 1 + 2 * kMargin) * scale;
  const int height = (kGlyphHeight + 2 * kMargin) * scale;
  const int left = std::max(std::min(box.left, image.size.width - width), 0);
  const int top = box.top >= height ? box.top - height : std::max(box.top, 0);
  const Colour ground = class_colour(labelled.class_id);
  fill(image, {left, top, left + width, top + height}, ground);
  int at = left + kMargin * scale;
  for (const std::string_view glyph : glyphs) {
    draw_glyph(image, at, top + kMargin * scale, scale, glyph, ink_on(ground));
    at += kAdvance * scale;
  }
}

// An edge as a whole number, not farther beyond the image than a frame is thick.
int pixel(float edge, int side) {
  constexpr float kBeyond = 10'000;
  return static_cast<int>(
      std::lround(std::clamp(edge, -kBeyond, static_cast<float>(side) + kBeyond)));
}

}  // namespace

Colour class_colour(int class_id) {
  // The golden angle spreads any number of hues; two brightnesses keep near ones apart.
  constexpr uint32_t kGoldenAngle = 137;
  const auto id = static_cast<uint32_t>(class_id);
  const uint32_t hue = static_cast<uint32_t>((uint64_t{id} * kGoldenAngle) % 360);
  const uint32_t bright = id % 2 == 0 ? 235 : 190;
  const uint32_t rising = bright * (hue % 60) / 60;
  const auto high = static_cast<uint8_t>(bright);
  const auto up = static_cast<uint8_t>(rising);
  const auto down = static_cast<uint8_t>(bright - rising);
  switch (hue / 60) {
    case 0: return {high, up, 0};
    case 1: return {down, high, 0};
    case 2: return {0, high, up};
    case 3: return {0, down, high};
    case 4: return {up, 0, high};
    default: return {high, 0, down};
  }
}

void draw_boxes(Image& image, std::span<const LabelledBox> boxes) {
  const int side = std::min(image.size.width, image.size.height);
  const int thickness = std::max(side / 250, 1);
  const int scale = std::max(side / 350, 1);
  for (const LabelledBox& labelled : boxes) {
    const float edges[] = {labelled.left, labelled.top, labelled.right, labelled.bottom};
    if (std::ranges::any_of(edges, [](float edge) { return std::isnan(edge); })) continue;
    const Area box{pixel(labelled.left, image.size.width), pixel(labelled.top, image.size.height),
                   pixel(labelled.right, image.size.width),
                   pixel(labelled.bottom, image.size.height)};
    if (box.right <= box.left || box.bottom <= box.top) continue;
    draw_frame(image, box, thickness, class_colour(labelled.class_id));
    draw_label(image, box, scale, labelled);
  }
}

}  // namespace accel::image
