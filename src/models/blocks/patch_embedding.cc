#include "models/blocks/patch_embedding.h"

#include <array>
#include <openvino/op/broadcast.hpp>
#include <openvino/op/concat.hpp>
#include <openvino/op/constant.hpp>
#include <openvino/op/convolution.hpp>
#include <openvino/op/gather.hpp>
#include <openvino/op/interpolate.hpp>
#include <openvino/op/reshape.hpp>
#include <openvino/op/shape_of.hpp>
#include <openvino/op/transpose.hpp>
#include <openvino/op/variadic_split.hpp>

#include "models/blocks/blocks.h"

namespace accel::models {
namespace {

// The sizes of `x` along `axes`: i64 [n].
Output sizes_of(const Output& x, const std::vector<int64_t>& axes) {
  const auto zero = ov::op::v0::Constant::create(ov::element::i64, ov::Shape{}, {0});
  const auto shape = std::make_shared<ov::op::v3::ShapeOf>(x, ov::element::i64);
  return std::make_shared<ov::op::v8::Gather>(shape, integers(axes), zero);
}

}  // namespace

Patches read_patches(ConfigReader& in, const Patches& defaults) {
  const auto image = in.extent_or("image_size", {defaults.image_height, defaults.image_width});
  const auto patch = in.extent_or("patch_size", {defaults.patch_height, defaults.patch_width});
  const Patches patches{
      .channels = in.size_or("num_channels", defaults.channels),
      .image_height = image[0],
      .image_width = image[1],
      .patch_height = patch[0],
      .patch_width = patch[1],
  };
  if (patches.count() == 0) in.problem("image_size: expected at least patch_size");
  return patches;
}

Output patch_grid(Weights& weights, const std::string& name, const Output& images,
                  const Patches& patches, int64_t hidden, bool bias) {
  const int64_t height = patches.patch_height;
  const int64_t width = patches.patch_width;
  const Output kernel = weights.get(name + ".weight", {hidden, patches.channels, height, width});
  Output grid = std::make_shared<ov::op::v1::Convolution>(
      images, kernel, ov::Strides{static_cast<size_t>(height), static_cast<size_t>(width)},
      ov::CoordinateDiff{0, 0}, ov::CoordinateDiff{0, 0}, ov::Strides{1, 1});
  if (!bias) return grid;
  const Output row = weights.get(name + ".bias", {hidden});
  return add(grid, std::make_shared<ov::op::v1::Reshape>(row, integers({1, hidden, 1, 1}), false));
}

Output grid_tokens(const Output& grid) {
  const auto flat = std::make_shared<ov::op::v1::Reshape>(grid, integers({0, 0, -1}), true);
  return std::make_shared<ov::op::v1::Transpose>(flat, integers({0, 2, 1}));
}

Output grid_size(const Output& grid) { return sizes_of(grid, {2, 3}); }

Output repeated_tokens(const Output& tokens, const Output& like) {
  const Output one = integers({1});
  const Output batch =
      std::make_shared<ov::op::v0::Concat>(ov::OutputVector{sizes_of(like, {0}), one, one}, 0);
  return std::make_shared<ov::op::v3::Broadcast>(tokens, batch,
                                                 ov::op::BroadcastType::BIDIRECTIONAL);
}

Output with_tokens(const std::vector<Output>& before, const Output& patches,
                   const std::vector<Output>& after) {
  ov::OutputVector all;
  for (const Output& tokens : before) all.push_back(repeated_tokens(tokens, patches));
  all.push_back(patches);
  for (const Output& tokens : after) all.push_back(repeated_tokens(tokens, patches));
  return std::make_shared<ov::op::v0::Concat>(all, 1);
}

Output resized(const Output& grid, const Output& size, Resize how) {
  using Op = ov::op::v11::Interpolate;
  Op::InterpolateAttrs how_exactly;  // half-pixel coordinates
  how_exactly.pads_begin = {0, 0, 0, 0};
  how_exactly.pads_end = {0, 0, 0, 0};
  switch (how) {
    case Resize::kBilinear: how_exactly.mode = Op::InterpolateMode::LINEAR_ONNX; break;
    case Resize::kBicubic: how_exactly.mode = Op::InterpolateMode::CUBIC; break;
    case Resize::kBicubicAntialias:  // torch's coefficient differs between the two
      how_exactly.mode = Op::InterpolateMode::BICUBIC_PILLOW;
      how_exactly.cube_coeff = -0.5;
      break;
  }
  return std::make_shared<Op>(grid, size, integers({2, 3}), how_exactly);
}

SplitPositions resized_positions(const Output& table, const PositionTable& positions,
                                 const Output& size, Resize how) {
  const int64_t grid = positions.rows * positions.columns;
  const auto axis = ov::op::v0::Constant::create(ov::element::i64, ov::Shape{}, {1});
  const auto parts = std::make_shared<ov::op::v1::VariadicSplit>(
      table, axis, integers({positions.before, grid, positions.after}));
  const auto square = std::make_shared<ov::op::v1::Reshape>(
      parts->output(1), integers({1, positions.rows, positions.columns, -1}), false);
  const auto planes = std::make_shared<ov::op::v1::Transpose>(square, integers({0, 3, 1, 2}));
  return {.before = positions.before > 0 ? parts->output(0) : Output(),
          .patches = grid_tokens(resized(planes, size, how)),
          .after = positions.after > 0 ? parts->output(2) : Output()};
}

}  // namespace accel::models
