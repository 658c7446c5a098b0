#include "models/blocks/windows.h"

#include <openvino/op/broadcast.hpp>
#include <openvino/op/concat.hpp>
#include <openvino/op/constant.hpp>
#include <openvino/op/convert.hpp>
#include <openvino/op/divide.hpp>
#include <openvino/op/floor_mod.hpp>
#include <openvino/op/gather.hpp>
#include <openvino/op/greater.hpp>
#include <openvino/op/greater_eq.hpp>
#include <openvino/op/less.hpp>
#include <openvino/op/logical_and.hpp>
#include <openvino/op/not_equal.hpp>
#include <openvino/op/range.hpp>
#include <openvino/op/reduce_min.hpp>
#include <openvino/op/reshape.hpp>
#include <openvino/op/select.hpp>
#include <openvino/op/shape_of.hpp>
#include <openvino/op/subtract.hpp>
#include <openvino/op/tile.hpp>
#include <openvino/op/transpose.hpp>
#include <openvino/op/unsqueeze.hpp>

#include "models/blocks/blocks.h"

namespace accel::models {
namespace {

constexpr float kApart = -100;  // added to scores, as the reference library does

// --- integer numbers
// -------------------------------------------------------------------------------

Output minus(const Output& a, const Output& b) {
  return std::make_shared<ov::op::v1::Subtract>(a, b);
}
Output over(const Output& a, const Output& b) { return std::make_shared<ov::op::v1::Divide>(a, b); }
Output modulo(const Output& a, const Output& b) {
  return std::make_shared<ov::op::v1::FloorMod>(a, b);
}
Output to_whole(const Output& condition) {
  return std::make_shared<ov::op::v0::Convert>(condition, ov::element::i64);
}
Output at_least(const Output& a, const Output& b) {
  return std::make_shared<ov::op::v1::GreaterEqual>(a, b);
}

// 0 .. n-1.
Output counted(const Output& n) {
  return std::make_shared<ov::op::v4::Range>(integer(0), n, integer(1), ov::element::i64);
}

Output reshape(const Output& x, const Output& shape) {
  return std::make_shared<ov::op::v1::Reshape>(x, shape, true);
}
Output reshape(const Output& x, const std::vector<int64_t>& shape) {
  return reshape(x, integers(shape));
}

// Element `i` of a list, a scalar.
Output element(const Output& list, int64_t i) {
  return std::make_shared<ov::op::v8::Gather>(list, integer(i), integer(0));
}

Output batch_of(const Output& x) {
  const auto shape = std::make_shared<ov::op::v3::ShapeOf>(x, ov::element::i64);
  return std::make_shared<ov::op::v8::Gather>(shape, integers({0}), integer(0));
}

// --- one axis ------------------------------------------------------------------------------------

// An axis of the image on which windows lie.
struct Axis {
  Output size;     // of the image
  Output windows;  // that cover it
  Output padded;   // windows * W
  Output source;   // [padded]: the place in the image of each one of the shifted axis
  Output part;     // [padded]: which parts of that are neighbours in the image, too
};

Axis cover(const Output& size, int64_t window, const Output& shift) {
  Axis axis{.size = size};
  axis.windows = over(add(size, integer(window - 1)), integer(window));
  axis.padded = multiply(axis.windows, integer(window));
  const Output place = counted(axis.padded);
  axis.source = modulo(add(place, shift), axis.padded);
  const Output last_window = minus(axis.padded, integer(window));
  const Output wrapped = minus(axis.padded, shift);
  axis.part = add(to_whole(at_least(place, last_window)), to_whole(at_least(place, wrapped)));
  return axis;
}

// [padded rows] and [padded columns] such that both broadcast to [rows' windows, columns' windows,
// W, W].
Output by_row(const Output& values, int64_t window) { return reshape(values, {-1, 1, window, 1}); }
Output by_column(const Output& values, int64_t window) {
  return reshape(values, {1, -1, 1, window});
}

// Where along an axis each place of the image lies among windows: its window times `per_window`
// plus its place within that times `per_place`, [size].
Output placed(const Axis& axis, int64_t window, const Output& shift, const Output& per_window,
              int64_t per_place) {
  const Output place = modulo(minus(counted(axis.size), shift), axis.padded);
  return add(multiply(over(place, integer(window)), per_window),
             multiply(modulo(place, integer(window)), integer(per_place)));
}

// --- tokens --------------------------------------------------------------------------------------

// The tokens at `index`, of which the number behind the last one stands for zeros.
Output gather_padded(const Output& tokens, const Output& index) {
  const int64_t channels = tokens.get_partial_shape()[2].get_length();
  const auto shape = std::make_shared<ov::op::v0::Concat>(
      ov::OutputVector{batch_of(tokens), integers({1, channels})}, 0);
  const auto zeros = std::make_shared<ov::op::v3::Broadcast>(scalar(0), shape);
  const auto all = std::make_shared<ov::op::v0::Concat>(ov::OutputVector{tokens, zeros}, 1);
  return std::make_shared<ov::op::v8::Gather>(all, index, integer(1));
}

// The number of the token in `row` and `column`, broadcast against one another; outside of the
// image the number behind the last.
Output token_numbers(const Output& row, const Output& column, const Output& height,
                     const Output& width) {
  const auto inside =
      std::make_shared<ov::op::v1::LogicalAnd>(std::make_shared<ov::op::v1::Less>(row, height),
                                               std::make_shared<ov::op::v1::Less>(column, width));
  const Output number = add(multiply(row, width), column);
  return std::make_shared<ov::op::v1::Select>(inside, number, multiply(height, width));
}

}  // namespace

Windows cut_windows(const Output& extent, int64_t size, bool shifted) {
  Output shift = integer(0);
  if (shifted) {
    const auto smaller = std::make_shared<ov::op::v1::ReduceMin>(extent, integer(0));
    const auto larger = std::make_shared<ov::op::v1::Greater>(smaller, integer(size));
    shift = multiply(to_whole(larger), integer(size / 2));
  }
  const Axis rows = cover(element(extent, 0), size, shift);
  const Axis columns = cover(element(extent, 1), size, shift);
  const int64_t tokens = size * size;
  const Output numbers = token_numbers(by_row(rows.source, size), by_column(columns.source, size),
                                       rows.size, columns.size);
  Windows windows{.size = size, .partition = reshape(numbers, {-1, tokens})};
  const Output row_place =
      placed(rows, size, shift, multiply(columns.windows, integer(tokens)), size);
  const Output column_place = placed(columns, size, shift, integer(tokens), 1);
  windows.merge = reshape(add(reshape(row_place, {-1, 1}), column_place), {-1});
  if (shifted) {
    const Output part =
        add(multiply(by_row(rows.part, size), integer(3)), by_column(columns.part, size));
    const auto apart = std::make_shared<ov::op::v1::NotEqual>(reshape(part, {-1, 1, tokens, 1}),
                                                              reshape(part, {-1, 1, 1, tokens}));
    windows.mask = std::make_shared<ov::op::v1::Select>(apart, scalar(kApart), scalar(0));
  }
  return windows;
}

Output to_windows(const Windows& windows, const Output& tokens) {
  const int64_t channels = tokens.get_partial_shape()[2].get_length();
  const Output cut = gather_padded(tokens, windows.partition);
  return std::make_shared<ov::op::v1::Reshape>(
      cut, integers({-1, windows.size * windows.size, channels}), false);
}

Output from_windows(const Windows& windows, const Output& x, const Output& like) {
  const int64_t channels = x.get_partial_shape()[2].get_length();
  const auto shape = std::make_shared<ov::op::v0::Concat>(
      ov::OutputVector{batch_of(like), integers({-1, channels})}, 0);
  const auto tokens = std::make_shared<ov::op::v1::Reshape>(x, shape, false);
  return std::make_shared<ov::op::v8::Gather>(tokens, windows.merge, integer(1));
}

Output mask_per_image(const Output& mask, const Output& like) {
  const auto repeats = std::make_shared<ov::op::v0::Concat>(
      ov::OutputVector{batch_of(like), integers({1, 1, 1})}, 0);
  return std::make_shared<ov::op::v0::Tile>(mask, repeats);
}

Output distance_bias(const Output& table, int64_t size) {
  const int64_t tokens = size * size;
  std::vector<int64_t> rows;
  for (int64_t i = 0; i < tokens; ++i) {
    for (int64_t j = 0; j < tokens; ++j) {
      const int64_t down = i / size - j / size + size - 1;
      const int64_t right = i % size - j % size + size - 1;
      rows.push_back(down * (2 * size - 1) + right);
    }
  }
  const auto pairs = std::make_shared<ov::op::v8::Gather>(table, integers(rows), integer(0));
  const Output square = reshape(pairs, {tokens, tokens, -1});
  return std::make_shared<ov::op::v1::Transpose>(square, integers({2, 0, 1}));
}

Output half_extent(const Output& extent) { return over(add(extent, integer(1)), integer(2)); }

Output merge_patches(const Output& tokens, const Output& extent) {
  const int64_t channels = tokens.get_partial_shape()[2].get_length();
  const Output half = half_extent(extent);
  const auto doubled = [&](int64_t axis) {
    return multiply(counted(element(half, axis)), integer(2));
  };
  const auto inner = [](const std::vector<int64_t>& values) {
    return reshape(integers(values), {1, 1, 4});
  };
  const Output row = add(reshape(doubled(0), {-1, 1, 1}), inner({0, 1, 0, 1}));
  const Output column = add(reshape(doubled(1), {1, -1, 1}), inner({0, 0, 1, 1}));
  const Output number = token_numbers(row, column, element(extent, 0), element(extent, 1));
  const Output together = gather_padded(tokens, reshape(number, {-1, 4}));
  return std::make_shared<ov::op::v1::Reshape>(together, integers({0, 0, 4 * channels}), true);
}

}  // namespace accel::models
