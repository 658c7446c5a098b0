// The rules of decompose.h: each rewrites one node as a value computed by other operations.
#pragma once

#include <openvino/core/node.hpp>
#include <optional>
#include <string>

namespace accel::backend {

using Output = ov::Output<ov::Node>;

// Nothing when this form of the operation is not covered.
using Rule = std::optional<Output> (*)(const ov::Node& node);

// Sums of products over named axes ("bhld,lrd->bhlr"), as one matrix product per further operand.
// Not covered: an ellipsis, and a label that occurs twice in one operand.
std::optional<Output> einsum_rule(const ov::Node& node);

// Convolutions, by groups or not, as one matrix product with all that the kernel meets side by
// side. Not covered: automatic and negative padding.
std::optional<Output> convolution_rule(const ov::Node& node);
std::optional<Output> group_convolution_rule(const ov::Node& node);

// Running sums along a constant axis, as a product with a triangle of ones.
std::optional<Output> cum_sum_rule(const ov::Node& node);

// Building pieces that the rules share.
Output whole_numbers(const std::vector<int64_t>& values);  // i64 [n]
Output whole_number(int64_t value);                        // i64 []
// Sizes of the axes of `value` at these (possibly negative) positions: i64 [n].
Output sizes(const Output& value, const std::vector<int64_t>& axes);

}  // namespace accel::backend
