#include "image/resample.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "base/try.h"
#include "image/coefficients.h"
#include "image/passes.h"

namespace accel::image {
namespace {

constexpr int kSideMax = 1 << 30;
constexpr int kWindowSideMax = 1'000'000;
constexpr uint64_t kWindowPixelsMax = uint64_t{1} << 28;

Status check(const Image& image, const ResampleOptions& options, const Window& window) {
  const Size& size = options.size;
  if (image.size.pixels() == 0 || size.width < 1 || size.height < 1 || size.width > kSideMax ||
      size.height > kSideMax) {
    return invalid_argument(
        fmt::format("expected to scale an image to 1 to {} pixels on a side, found {}x{} to {}x{}",
                    kSideMax, image.size.width, image.size.height, size.width, size.height));
  }
  if (window.left < 0 || window.top < 0 || window.size.width < 1 || window.size.height < 1 ||
      window.left > size.width - window.size.width ||
      window.top > size.height - window.size.height) {
    return invalid_argument(fmt::format("expected a window inside {}x{} pixels, found {}x{} at "
                                        "({}, {})",
                                        size.width, size.height, window.size.width,
                                        window.size.height, window.left, window.top));
  }
  if (window.size.pixels() > kWindowPixelsMax || window.size.width > kWindowSideMax ||
      window.size.height > kWindowSideMax) {
    return resource_exhausted(
        fmt::format("scaling to {}x{} pixels: expected at most {}, and {} on a side",
                    window.size.width, window.size.height, kWindowPixelsMax, kWindowSideMax));
  }
  return {};
}

// Where the nearest neighbours lie. Pillow adds the steps up, so their error too; a position that
// this puts beyond the image is -1 and stays black.
std::vector<int> nearest_positions(const Scaling& scaling) {
  const double step = static_cast<double>(scaling.from) / scaling.to;
  double at = step * 0.5;
  std::vector<int> positions(static_cast<size_t>(scaling.count), -1);
  for (int i = 0; i < scaling.begin + scaling.count; ++i, at += step) {
    const int position = static_cast<int>(at);
    if (i >= scaling.begin && position < scaling.from) {
      positions[static_cast<size_t>(i - scaling.begin)] = position;
    }
  }
  return positions;
}

Result<Image> nearest(const Image& image, const Scaling& across, const Scaling& down) {
  ACCEL_ASSIGN(Image result, black_image({across.count, down.count}));
  const std::vector<int> columns = nearest_positions(across);
  const std::vector<int> rows = nearest_positions(down);
  uint8_t* to = result.pixels.data();
  for (const int y : rows) {
    if (y < 0) {
      to += result.row_bytes();
      continue;
    }
    const uint8_t* from = image.row(y).data();
    for (const int x : columns) {
      if (x >= 0) std::memcpy(to, from + static_cast<size_t>(x) * kChannels, kChannels);
      to += kChannels;
    }
  }
  return result;
}

// The part of the image that the window's positions come from.
Region needed(const Image& image, const Extent& columns, const Extent& rows) {
  const uint8_t* first =
      image.row(rows.first).data() + static_cast<size_t>(columns.first) * kChannels;
  return {first, image.row_bytes(), columns.first, rows.first, {columns.count, rows.count}};
}

Result<Image> copied(const Region& from) {
  ACCEL_ASSIGN(Image result, black_image(from.size));
  for (int y = 0; y < from.size.height; ++y) {
    std::memcpy(result.row(y).data(), from.pixels + static_cast<size_t>(y) * from.stride,
                result.row_bytes());
  }
  return result;
}

// One direction: how it is scaled, unless it keeps its size.
struct Direction {
  Direction(const Scaling& scaling, Filter filter) : inputs{scaling.begin, scaling.count} {
    if (scaling.from == scaling.to) return;
    mixing = coefficients(scaling, filter);
    inputs = mixing->inputs();
  }
  std::optional<Coefficients> mixing;
  Extent inputs;
};

// Pillow's rule since version 13; before, the horizontal pass was always the first one. For images
// that are made much flatter the results differ, by 1 here and there.
bool vertical_first(Size from, Size to) {
  const int64_t down = int64_t{from.height} - to.height;
  return down > 0 && down > (int64_t{from.width} - to.width) * 2;
}

}  // namespace

Result<Image> resample(const Image& image, const ResampleOptions& options) {
  const Window window = options.window.value_or(Window{0, 0, options.size});
  ACCEL_TRY(check(image, options, window));
  const Scaling across{image.size.width, options.size.width, window.left, window.size.width};
  const Scaling down{image.size.height, options.size.height, window.top, window.size.height};
  if (options.filter == Filter::kNearest && image.size != options.size) {
    return nearest(image, across, down);
  }
  const Direction horizontal(across, options.filter);
  const Direction vertical(down, options.filter);
  Region region = needed(image, horizontal.inputs, vertical.inputs);
  Image first;
  Image second;
  const auto pass = [&region](const Direction& direction, bool is_vertical,
                              Image& result) -> Status {
    if (!direction.mixing) return {};
    Size size = region.size;
    (is_vertical ? size.height : size.width) = static_cast<int>(direction.mixing->taps.size());
    ACCEL_ASSIGN(result, black_image(size));
    if (is_vertical) vertical_pass(region, *direction.mixing, result.pixels.data());
    if (!is_vertical) horizontal_pass(region, *direction.mixing, result.pixels.data());
    region.pixels = result.pixels.data();
    region.stride = result.row_bytes();
    region.size = size;
    return {};
  };
  const bool down_first = vertical_first(image.size, options.size);
  ACCEL_TRY(pass(down_first ? vertical : horizontal, down_first, first));
  ACCEL_TRY(pass(down_first ? horizontal : vertical, !down_first, second));
  if (!second.pixels.empty()) return second;
  return first.pixels.empty() ? copied(region) : Result<Image>(std::move(first));
}

}  // namespace accel::image
