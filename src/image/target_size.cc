#include "image/target_size.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>

namespace accel::image {
namespace {

using Form = SizeRule::Form;

struct Sides {
  int64_t width = 0;
  int64_t height = 0;
};

// Python's int(a * b / c) of whole numbers.
int64_t scaled(int64_t a, int64_t b, int64_t c) {
  return static_cast<int64_t>(static_cast<double>(a * b) / static_cast<double>(c));
}

// CLIP's and ConvNeXt's rule.
Sides by_shorter_side(int64_t shortest, Size image) {
  const auto [low, high] = std::minmax(image.width, image.height);
  const int64_t longest = scaled(shortest, high, low);
  return image.width <= image.height ? Sides{shortest, longest} : Sides{longest, shortest};
}

// DETR's and YOLOS' rule. Where the longer side would become too long, the shorter one is rounded
// (half to even) to what keeps the shape, but the longer one follows from its unrounded value.
Sides by_both_sides(const SizeRule& rule, Size image, bool yolos) {
  const double low = std::min(image.width, image.height);
  const double high = std::max(image.width, image.height);
  int64_t shortest = rule.shortest;
  std::optional<double> unrounded;
  if (high / low * rule.shortest > rule.longest) {
    unrounded = rule.longest * low / high;
    shortest = static_cast<int64_t>(std::nearbyint(*unrounded));
  }
  const bool tall = image.width < image.height;
  // YOLOS looks for this only behind the case of a tall image.
  if (shortest == std::min(image.width, image.height) && !(yolos && tall)) {
    return {image.width, image.height};
  }
  const auto longer = [&](int this_side, int other_side) {
    if (!unrounded) return scaled(shortest, this_side, other_side);
    return static_cast<int64_t>(*unrounded * this_side / other_side);
  };
  if (tall) return {shortest, longer(image.height, image.width)};
  return {longer(image.width, image.height), shortest};
}

Sides largest_inside(Size bound, Size image) {
  const double scale = std::min(static_cast<double>(bound.height) / image.height,
                                static_cast<double>(bound.width) / image.width);
  return {static_cast<int64_t>(image.width * scale), static_cast<int64_t>(image.height * scale)};
}

}  // namespace

Result<Size> target_size(const ProcessorConfig& config, Size image) {
  const SizeRule& rule = config.size;
  Sides sides{rule.exact.width, rule.exact.height};
  constexpr int kWarpedFrom = 384;  // ConvNeXt does not crop from here on
  if (config.kind == ProcessorKind::kConvnext && rule.shortest >= kWarpedFrom) {
    sides = {rule.shortest, rule.shortest};
  } else if (rule.form == Form::kShortestEdge) {
    sides = by_shorter_side(static_cast<int64_t>(rule.shortest / config.crop_share), image);
  } else if (rule.form == Form::kShortestAndLongest) {
    const bool yolos = config.kind == ProcessorKind::kYolos;
    sides = by_both_sides(rule, image, yolos);
    if (yolos) {
      constexpr int64_t kPatch = 16;
      sides = {sides.width - sides.width % kPatch, sides.height - sides.height % kPatch};
    }
  } else if (rule.form == Form::kLargestInside) {
    sides = largest_inside(rule.exact, image);
  }
  constexpr int64_t kScaledSideMax = int64_t{1} << 30;
  if (sides.width < 1 || sides.height < 1 || sides.width > kScaledSideMax ||
      sides.height > kScaledSideMax) {
    return invalid_argument(
        fmt::format("an image of {}x{} pixels would be scaled to {}x{}: expected sides from 1 to "
                    "{}; the image is too narrow for this model",
                    image.width, image.height, sides.width, sides.height, kScaledSideMax));
  }
  return Size{static_cast<int>(sides.width), static_cast<int>(sides.height)};
}

}  // namespace accel::image
