// GIF: the first frame on the canvas, its pixels packed by LZW
// (https://www.w3.org/Graphics/GIF/spec-gif89a.txt).
//
// As Pillow has it: the canvas grows where the frame reaches beyond it; what the frame leaves
// uncovered has the transparent index, or 0; without a palette, or with one that is a grey ramp,
// an index is its own shade of grey.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "base/try.h"
#include "image/formats/formats.h"
#include "image/formats/numbers.h"

namespace accel::image {
namespace {

using Colour = std::array<uint8_t, kChannels>;
using Palette = std::array<Colour, 256>;

constexpr size_t kScreenBytes = 13;
constexpr unsigned kHasPalette = 0x80;

struct Frame {
  size_t left = 0;
  size_t top = 0;
  size_t width = 0;
  size_t height = 0;
  bool interlaced = false;
  std::optional<uint8_t> transparent;
  unsigned code_bits = 0;  // of a pixel
  size_t data_begin = 0;   // the first sub-block
};

Palette grey_ramp() {
  Palette palette;
  for (size_t i = 0; i < palette.size(); ++i) palette[i].fill(static_cast<uint8_t>(i));
  return palette;
}

// Reads the palette that `flags` announce at `at`, and moves behind it. None without one.
Result<std::optional<Palette>> read_palette(Bytes file, unsigned flags, size_t& at) {
  if ((flags & kHasPalette) == 0) return std::optional<Palette>();
  const size_t colours = size_t{2} << (flags & 7U);
  if (file.size() - at < colours * kChannels) return ends_early(file, "the rest of a palette");
  Palette palette{};
  bool ramp = true;
  for (size_t i = 0; i < colours; ++i, at += kChannels) {
    for (size_t c = 0; c < kChannels; ++c) {
      palette[i][c] = number8(file, at + c);
      ramp = ramp && palette[i][c] == i;
    }
  }
  return std::optional<Palette>(ramp ? grey_ramp() : palette);
}

// Moves behind the sub-blocks that start at `at`.
void skip_blocks(Bytes file, size_t& at) {
  while (at < file.size()) {
    const size_t length = number8(file, at);
    at += 1 + length;
    if (length == 0) return;
  }
}

// An extension, of which only the transparent index matters.
void read_extension(Bytes file, size_t& at, Frame& frame) {
  constexpr uint8_t kGraphicControl = 0xF9;
  if (file.size() - at >= 6 && number8(file, at) == kGraphicControl && number8(file, at + 1) >= 4 &&
      (number8(file, at + 2) & 1U) != 0) {
    frame.transparent = number8(file, at + 5);
  }
  ++at;
  skip_blocks(file, at);
}

// Finds the first frame from `at` on; `palette` becomes its own where it has one.
Result<Frame> find_frame(Bytes file, size_t at, std::optional<Palette>& palette) {
  constexpr size_t kDescriptorBytes = 9;
  Frame frame;
  while (at < file.size()) {
    const uint8_t kind = number8(file, at++);
    if (kind == ';') break;
    if (kind == '!') read_extension(file, at, frame);
    if (kind != ',') continue;
    if (file.size() - at < kDescriptorBytes)
      return ends_early(file, "the rest of a frame's header");
    frame.left = little<uint16_t>(file, at);
    frame.top = little<uint16_t>(file, at + 2);
    frame.width = little<uint16_t>(file, at + 4);
    frame.height = little<uint16_t>(file, at + 6);
    const unsigned flags = number8(file, at + 8);
    frame.interlaced = (flags & 0x40U) != 0;
    at += kDescriptorBytes;
    ACCEL_ASSIGN(const auto own, read_palette(file, flags, at));
    if (own) palette = own;
    if (at >= file.size()) return ends_early(file, "a frame's pixels");
    frame.code_bits = number8(file, at++);
    frame.data_begin = at;
    if (frame.width == 0 || frame.height == 0 || frame.code_bits < 1 || frame.code_bits > 8) {
      return data_loss(fmt::format("expected a frame of at least 1x1 pixels of 1 to 8 bits, found "
                                   "{}x{} of {}",
                                   frame.width, frame.height, frame.code_bits));
    }
    return frame;
  }
  return data_loss(fmt::format("expected a frame, found none before byte {}", at));
}

// Codes of a growing number of bits out of the sub-blocks.
class Codes {
 public:
  Codes(Bytes file, size_t at) : file_(file), at_(at) {}

  // None at the end of the sub-blocks or of the file.
  std::optional<unsigned> next(unsigned bits) {
    while (held_bits_ < bits) {
      if (in_block_ == 0) {
        if (at_ >= file_.size() || number8(file_, at_) == 0) return std::nullopt;
        in_block_ = number8(file_, at_++);
      }
      if (at_ >= file_.size()) return std::nullopt;
      held_ |= unsigned{number8(file_, at_++)} << held_bits_;
      held_bits_ += 8;
      --in_block_;
    }
    const unsigned code = held_ & ((1U << bits) - 1);
    held_ >>= bits;
    held_bits_ -= bits;
    return code;
  }
  size_t at() const { return at_; }

 private:
  Bytes file_;
  size_t at_;
  size_t in_block_ = 0;
  unsigned held_ = 0;
  unsigned held_bits_ = 0;
};

// The strings that codes stand for: each is another string and one more pixel.
class Strings {
 public:
  explicit Strings(unsigned pixel_bits) : clear_(1U << pixel_bits), pixel_bits_(pixel_bits) {
    for (unsigned i = 0; i < clear_; ++i) {
      lengths_[i] = 1;
      firsts_[i] = lasts_[i] = static_cast<uint8_t>(i);
    }
    reset();
  }

  unsigned clear_code() const { return clear_; }
  unsigned end_code() const { return clear_ + 1; }
  unsigned code_bits() const { return code_bits_; }
  bool full() const { return count_ == kCodes; }
  bool has(unsigned code) const { return code < clear_ || (code > end_code() && code < count_); }
  unsigned count() const { return count_; }
  uint8_t first(unsigned code) const { return firsts_[code]; }

  void reset() {
    count_ = clear_ + 2;
    code_bits_ = pixel_bits_ + 1;
  }

  void add(unsigned prefix, uint8_t last) {
    prefixes_[count_] = static_cast<uint16_t>(prefix);
    lengths_[count_] = static_cast<uint16_t>(lengths_[prefix] + 1);
    firsts_[count_] = firsts_[prefix];
    lasts_[count_] = last;
    ++count_;
    if (count_ == (1U << code_bits_) && code_bits_ < kCodeBitsMax) ++code_bits_;
  }

  // Writes as much of the string at `out` as there is room for; how much that was.
  size_t write(unsigned code, std::span<uint8_t> out) const {
    size_t length = lengths_[code];
    const size_t written = std::min(length, out.size());
    while (length-- > 0) {
      if (length < out.size()) out[length] = lasts_[code];
      code = prefixes_[code];
    }
    return written;
  }

 private:
  static constexpr unsigned kCodeBitsMax = 12;
  static constexpr unsigned kCodes = 1U << kCodeBitsMax;

  unsigned clear_;
  unsigned pixel_bits_;
  unsigned count_ = 0;
  unsigned code_bits_ = 0;
  std::array<uint16_t, kCodes> prefixes_{};
  std::array<uint16_t, kCodes> lengths_{};
  std::array<uint8_t, kCodes> firsts_{};
  std::array<uint8_t, kCodes> lasts_{};
};

Status unpack(Bytes file, const Frame& frame, std::span<uint8_t> pixels) {
  Codes codes(file, frame.data_begin);
  Strings strings(frame.code_bits);
  const size_t wanted = pixels.size();
  std::optional<unsigned> before;
  while (!pixels.empty()) {
    const std::optional<unsigned> code = codes.next(strings.code_bits());
    if (!code || *code == strings.end_code()) {
      if (codes.at() >= file.size()) return ends_early(file, "the rest of the pixels");
      return data_loss(fmt::format("expected {} pixels, found {} up to byte {}", wanted,
                                   wanted - pixels.size(), codes.at()));
    }
    if (*code == strings.clear_code()) {
      strings.reset();
      before.reset();
      continue;
    }
    // A code may stand for the string that its own coming completes.
    const bool completes = before && *code == strings.count() && !strings.full();
    if (!completes && !strings.has(*code)) {
      return data_loss(fmt::format("expected a known code before byte {}, found {}: it is damaged",
                                   codes.at(), *code));
    }
    if (before && !strings.full()) {
      strings.add(*before, strings.first(completes ? *before : *code));
    }
    pixels = pixels.subspan(strings.write(*code, pixels));
    before = code;
  }
  return {};
}

// The frame's rows in the order in which they come.
std::vector<size_t> row_order(const Frame& frame) {
  struct Pass {
    size_t first;
    size_t step;
  };
  constexpr std::array<Pass, 4> kInterlaced{{{0, 8}, {4, 8}, {2, 4}, {1, 2}}};
  constexpr std::array<Pass, 1> kPlain{{{0, 1}}};
  std::vector<size_t> order;
  order.reserve(frame.height);
  const auto add = [&](const Pass& pass) {
    for (size_t y = pass.first; y < frame.height; y += pass.step) order.push_back(y);
  };
  if (frame.interlaced) std::ranges::for_each(kInterlaced, add);
  if (!frame.interlaced) std::ranges::for_each(kPlain, add);
  return order;
}

}  // namespace

bool is_gif(Bytes file) { return has_at(file, 0, "GIF87a") || has_at(file, 0, "GIF89a"); }

Result<Decoded> decode_gif(Bytes file, const DecodeLimits& limits) {
  if (file.size() < kScreenBytes) return ends_early(file, "the rest of the header");
  size_t at = kScreenBytes;
  ACCEL_ASSIGN(std::optional<Palette> palette, read_palette(file, number8(file, 10), at));
  ACCEL_ASSIGN(const Frame frame, find_frame(file, at, palette));
  const size_t width = std::max<size_t>(little<uint16_t>(file, 6), frame.left + frame.width);
  const size_t height = std::max<size_t>(little<uint16_t>(file, 8), frame.top + frame.height);
  ACCEL_ASSIGN(const Size size, check_size(width, height, limits));
  if (!palette) palette = grey_ramp();

  std::vector<uint8_t> indices;
  try {
    indices.resize(frame.width * frame.height);
  } catch (const std::bad_alloc&) {
    return resource_exhausted(fmt::format("no memory for {}x{} pixels", frame.width, frame.height));
  }
  ACCEL_TRY(unpack(file, frame, indices));
  ACCEL_ASSIGN(Image image, black_image(size));
  const Colour around = (*palette)[frame.transparent.value_or(0)];
  for (size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = around[i % kChannels];
  const uint8_t* index = indices.data();
  for (const size_t y : row_order(frame)) {
    uint8_t* to = image.row(static_cast<int>(frame.top + y)).data() + frame.left * kChannels;
    for (size_t x = 0; x < frame.width; ++x, to += kChannels) {
      std::ranges::copy((*palette)[*index++], to);
    }
  }
  return Decoded{std::move(image)};
}

}  // namespace accel::image
