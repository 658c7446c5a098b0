#include <array>
#include <openvino/op/add.hpp>
#include <openvino/op/broadcast.hpp>
#include <openvino/op/concat.hpp>
#include <openvino/op/constant.hpp>
#include <openvino/op/convert.hpp>
#include <openvino/op/gather.hpp>
#include <openvino/op/greater.hpp>
#include <openvino/op/multiply.hpp>
#include <openvino/op/range.hpp>
#include <openvino/op/reshape.hpp>
#include <openvino/op/select.hpp>
#include <openvino/op/shape_of.hpp>
#include <openvino/op/slice.hpp>
#include <openvino/op/split.hpp>
#include <openvino/op/transpose.hpp>
#include <openvino/op/unsqueeze.hpp>

#include "backend/conformance_kit.h"

namespace accel::backend {
namespace {

namespace v0 = ov::op::v0;
namespace v1 = ov::op::v1;
using ov::op::v8::Gather;

// --- gathering ---------------------------------------------------------------------------------

// Rows of a table [7, 4] by ids [B, L] of either integer type.
ConformanceCase gather_rows(const std::string& name, const ov::element::Type& type) {
  const Numbers table = samples({7, 4}, 1);
  const auto ids = parameter("ids", type, {-1, -1});
  const Output y = node<Gather>(constant(table), ids, integer(0));
  ConformanceCase test{.name = name, .model = graph({ids}, {{"y", y}}), .epsilons = 0};
  for (const auto& [batch, tokens] : kSizes) {
    Numbers rows({batch, tokens});
    Numbers expected({batch, tokens, 4});
    for (int64_t i = 0; i < batch * tokens; ++i) {
      const int64_t row = (i * 5 + 2) % 7;
      rows.at({0, i}) = static_cast<double>(row);
      for (int64_t k = 0; k < 4; ++k) expected.at({0, i, k}) = table.at({row, k});
    }
    const Tensor given = type == ov::element::i64 ? as_i64(rows) : as_i32(rows);
    test.runs.push_back({{{"ids", given}}, {{"y", as_f32(expected)}}});
  }
  return test;
}

// The first token of each row: [B, L, 4] -> [B, 4].
ConformanceCase gather_first() {
  const auto x = parameter("x", ov::element::f32, {-1, -1, 4});
  const Output y = node<Gather>(x, integer(0), integer(1));
  ConformanceCase test{.name = "gather_first", .model = graph({x}, {{"y", y}}), .epsilons = 0};
  for (const auto& [batch, tokens] : kSizes) {
    const Numbers input = samples({batch, tokens, 4}, 2);
    Numbers expected({batch, 4});
    for (int64_t i = 0; i < batch * 4; ++i) expected.at({0, i}) = input.at({i / 4, 0, i % 4});
    test.runs.push_back({{{"x", as_f32(input)}}, {{"y", as_f32(expected)}}});
  }
  return test;
}

// --- moving ------------------------------------------------------------------------------------

// [B, L, 6] -> two heads [B, 2, L, 3], and back from them.
ConformanceCase heads() {
  const auto x = parameter("x", ov::element::f32, {-1, -1, 6});
  const Output split = node<v1::Reshape>(x, integers({0, 0, 2, 3}), true);
  const Output apart = node<v1::Transpose>(split, integers({0, 2, 1, 3}));
  const Output doubled = node<v1::Multiply>(apart, scalar(2));
  const Output again = node<v1::Transpose>(doubled, integers({0, 2, 1, 3}));
  const Output merged = node<v1::Reshape>(again, integers({0, 0, 6}), true);
  ConformanceCase test{
      .name = "heads", .model = graph({x}, {{"apart", apart}, {"merged", merged}}), .epsilons = 0};
  for (const auto& [batch, tokens] : kSizes) {
    const Numbers input = samples({batch, tokens, 6}, 3);
    Numbers moved({batch, 2, tokens, 3});
    Numbers twice = input;
    for (int64_t i = 0; i < batch * tokens * 6; ++i) {
      const int64_t b = i / 6 / tokens;
      const int64_t l = i / 6 % tokens;
      moved.at({b, i % 6 / 3, l, i % 3}) = input.at({b, l, i % 6});
      twice.values[i] *= 2;
    }
    test.runs.push_back(
        {{{"x", as_f32(input)}}, {{"apart", as_f32(moved)}, {"merged", as_f32(twice)}}});
  }
  return test;
}

// [x; 2x] along the last axis, the last three columns of it, and the even half of x.
ConformanceCase concat_slice_split() {
  const auto x = parameter("x", ov::element::f32, {-1, 4});
  const Output twice = node<v1::Multiply>(x, scalar(2));
  const Output both = node<v0::Concat>(ov::OutputVector{x, twice}, -1);
  const Output last =
      node<ov::op::v8::Slice>(both, integers({-3}), integers({8}), integers({1}), integers({1}));
  const Output half = std::make_shared<v1::Split>(x, integer(1), 2)->output(1);
  ConformanceCase test{.name = "concat_slice_split",
                       .model = graph({x}, {{"both", both}, {"half", half}, {"last", last}}),
                       .epsilons = 0};
  for (const int64_t rows : {3, 1, 5}) {
    const Numbers input = samples({rows, 4}, 4);
    Numbers joined({rows, 8});
    Numbers right({rows, 2});
    Numbers end({rows, 3});
    for (int64_t row = 0; row < rows; ++row) {
      for (int64_t k = 0; k < 8; ++k) {
        joined.at({row, k}) = input.at({row, k % 4}) * (k < 4 ? 1 : 2);
      }
      for (int64_t k = 0; k < 2; ++k) right.at({row, k}) = input.at({row, 2 + k});
      for (int64_t k = 0; k < 3; ++k) end.at({row, k}) = joined.at({row, 5 + k});
    }
    test.runs.push_back(
        {{{"x", as_f32(input)}},
         {{"both", as_f32(joined)}, {"half", as_f32(right)}, {"last", as_f32(end)}}});
  }
  return test;
}

// 0 .. L-1 for each row, from the shape of the input alone.
ConformanceCase positions() {
  const auto ids = parameter("ids", ov::element::i64, {-1, -1});
  const Output shape = node<ov::op::v3::ShapeOf>(ids, ov::element::i64);
  const Output length = node<Gather>(shape, integer(1), integer(0));
  const Output range = node<ov::op::v4::Range>(integer(0), length, integer(1), ov::element::i64);
  const Output rows = node<ov::op::v3::Broadcast>(range, shape);
  ConformanceCase test{.name = "positions", .model = graph({ids}, {{"y", rows}}), .epsilons = 0};
  for (const auto& [batch, tokens] : kSizes) {
    Numbers expected({batch, tokens});
    for (int64_t i = 0; i < batch * tokens; ++i) {
      expected.at({0, i}) = static_cast<double>(i % tokens);
    }
    test.runs.push_back({{{"ids", as_i64(Numbers({batch, tokens}))}}, {{"y", as_i64(expected)}}});
  }
  return test;
}

// --- types and edges ---------------------------------------------------------------------------

// Inputs of four types in one graph, and an output of truth values.
ConformanceCase mixed_types() {
  const auto whole = parameter("whole", ov::element::i32, {-1});
  const auto flag = parameter("flag", ov::element::boolean, {-1});
  const auto x = parameter("x", ov::element::f32, {-1});
  const auto wide = parameter("wide", ov::element::i64, {-1});
  const Output sum = node<v1::Add>(node<v0::Convert>(whole, ov::element::f32), x);
  const Output chosen = node<v1::Select>(flag, sum, node<v0::Convert>(wide, ov::element::f32));
  const Output larger =
      node<v1::Greater>(whole, v0::Constant::create(ov::element::i32, ov::Shape{}, {0}));
  ConformanceCase test{
      .name = "mixed_types",
      .model = graph({whole, flag, x, wide}, {{"chosen", chosen}, {"larger", larger}}),
      .epsilons = 1};
  for (const int64_t size : {4, 9, 1}) {
    Numbers integer32({size});
    Numbers truth({size});
    const Numbers real = samples({size}, 5);
    Numbers integer64({size});
    Numbers expected({size});
    Numbers positive({size});
    for (int64_t i = 0; i < size; ++i) {
      integer32.at({i}) = static_cast<double>(i - 2);
      truth.at({i}) = static_cast<double>(i % 3 == 0);
      integer64.at({i}) = static_cast<double>(100 + i);
      expected.at({i}) = i % 3 == 0 ? integer32.at({i}) + real.at({i}) : integer64.at({i});
      positive.at({i}) = static_cast<double>(i > 2);
    }
    test.runs.push_back({{{"whole", as_i32(integer32)},
                          {"flag", as_bool(truth)},
                          {"x", as_f32(real)},
                          {"wide", as_i64(integer64)}},
                         {{"chosen", as_f32(expected)}, {"larger", as_bool(positive)}}});
  }
  return test;
}

// Inputs and outputs without any axis.
ConformanceCase scalars() {
  const auto a = parameter("a", ov::element::f32, {});
  const auto b = parameter("b", ov::element::f32, {});
  const Output y = node<v1::Add>(node<v1::Multiply>(a, b), scalar(0.5F));
  ConformanceCase test{.name = "scalars", .model = graph({a, b}, {{"y", y}}), .epsilons = 1};
  for (const double value : {0.25, -0.75}) {
    Numbers left({});
    Numbers right({});
    Numbers expected({});
    left.values = {value};
    right.values = {0.5};
    expected.values = {value * 0.5 + 0.5};
    test.runs.push_back({{{"a", as_f32(left)}, {"b", as_f32(right)}}, {{"y", as_f32(expected)}}});
  }
  return test;
}

// An input that is also an output, untouched.
ConformanceCase passed_through() {
  const auto x = parameter("x", ov::element::f32, {-1});
  const Output y = node<v1::Add>(x, x);
  ConformanceCase test{
      .name = "passed_through", .model = graph({x}, {{"x", x}, {"y", y}}), .epsilons = 0};
  for (const int64_t size : {3, 8}) {
    const Numbers input = samples({size}, 6);
    Numbers twice = input;
    for (double& value : twice.values) value *= 2;
    test.runs.push_back({{{"x", as_f32(input)}}, {{"x", as_f32(input)}, {"y", as_f32(twice)}}});
  }
  return test;
}

// No row at all gives no row, and the next run is as if nothing had been.
ConformanceCase empty_batch() {
  const Numbers table = samples({5, 4}, 7);
  const auto ids = parameter("ids", ov::element::i64, {-1, -1});
  const Output rows = node<Gather>(constant(table), ids, integer(0));
  const Output y = node<v1::Add>(rows, constant(samples({4}, 8)));
  ConformanceCase test{.name = "empty_batch", .model = graph({ids}, {{"y", y}}), .epsilons = 1};
  for (const int64_t batch : {2, 0, 1}) {
    Numbers expected({batch, 3, 4});
    for (int64_t i = 0; i < batch * 12; ++i) {
      expected.values[i] = table.at({1, i % 4}) + samples({4}, 8).at({i % 4});
    }
    Numbers ones({batch, 3});
    for (double& value : ones.values) value = 1;
    test.runs.push_back({{{"ids", as_i64(ones)}}, {{"y", as_f32(expected)}}});
  }
  return test;
}

}  // namespace

std::vector<ConformanceCase> shape_cases() {
  return {
      concat_slice_split(),
      empty_batch(),
      gather_first(),
      gather_rows("gather_rows_i32", ov::element::i32),
      gather_rows("gather_rows_i64", ov::element::i64),
      heads(),
      mixed_types(),
      passed_through(),
      positions(),
      scalars(),
  };
}

}  // namespace accel::backend
