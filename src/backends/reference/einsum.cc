#include <openvino/op/concat.hpp>
#include <openvino/op/einsum.hpp>
#include <openvino/op/matmul.hpp>
#include <openvino/op/reduce_prod.hpp>
#include <openvino/op/reduce_sum.hpp>
#include <openvino/op/reshape.hpp>
#include <openvino/op/transpose.hpp>
#include <utility>

#include "backends/reference/rules.h"

namespace accel::backend {
namespace {

// A value whose axes are called by letters, one each.
struct Term {
  Output value;
  std::string labels;
};

bool contains(const std::string& labels, char label) {
  return labels.find(label) != std::string::npos;
}

// Those of `labels` that occur in `in` (or, with `wanted` false, that do not).
std::string filtered(const std::string& labels, const std::string& in, bool wanted) {
  std::string found;
  for (const char label : labels) {
    if (contains(in, label) == wanted) found += label;
  }
  return found;
}

std::vector<int64_t> axes_of(const Term& term, const std::string& labels) {
  std::vector<int64_t> axes;
  for (const char label : labels) axes.push_back(static_cast<int64_t>(term.labels.find(label)));
  return axes;
}

Output sizes_of(const Term& term, const std::string& labels) {
  return sizes(term.value, axes_of(term, labels));
}

// The product of their sizes, i64 [1].
Output count_of(const Term& term, const std::string& labels) {
  if (labels.empty()) return whole_numbers({1});
  return std::make_shared<ov::op::v1::ReduceProd>(sizes_of(term, labels), whole_numbers({0}), true);
}

Output joined_shape(const Output& value, const ov::OutputVector& parts) {
  const auto shape = std::make_shared<ov::op::v0::Concat>(parts, 0);
  return std::make_shared<ov::op::v1::Reshape>(value, shape, false);
}

Term permuted(const Term& term, const std::string& labels) {
  const Output order = whole_numbers(axes_of(term, labels));
  return {std::make_shared<ov::op::v1::Transpose>(term.value, order), labels};
}

// Sums over the axes that are not in `needed`.
Term summed(const Term& term, const std::string& needed) {
  const std::string gone = filtered(term.labels, needed, false);
  if (gone.empty()) return term;
  const Output axes = whole_numbers(axes_of(term, gone));
  return {std::make_shared<ov::op::v1::ReduceSum>(term.value, axes, false),
          filtered(term.labels, needed, true)};
}

// The product of two terms, summed over the axes that both have and nobody needs further on:
// [batch.., left, reduced] times [batch.., right, reduced] transposed.
Term multiplied(const Term& a, const Term& b, const std::string& needed) {
  const std::string shared = filtered(a.labels, b.labels, true);
  const std::string batch = filtered(shared, needed, true);
  const std::string reduced = filtered(shared, needed, false);
  const std::string left = filtered(a.labels, b.labels, false);
  const std::string right = filtered(b.labels, a.labels, false);
  const Term first = permuted(a, batch + left + reduced);
  const Term second = permuted(b, batch + right + reduced);
  const Output x = joined_shape(
      first.value, {sizes_of(first, batch), count_of(first, left), count_of(first, reduced)});
  const Output y = joined_shape(
      second.value, {sizes_of(second, batch), count_of(second, right), count_of(second, reduced)});
  const Output product = std::make_shared<ov::op::v0::MatMul>(x, y, false, true);
  return {joined_shape(product, {sizes_of(first, batch + left), sizes_of(second, right)}),
          batch + left + right};
}

bool covered(const std::string& labels) {
  for (size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] == '.' || labels.find(labels[i], i + 1) != std::string::npos) return false;
  }
  return true;
}

}  // namespace

std::optional<Output> einsum_rule(const ov::Node& node) {
  std::vector<std::string> operands;
  std::string result;
  ov::op::v7::Einsum::parse_equation(dynamic_cast<const ov::op::v7::Einsum&>(node).get_equation(),
                                     operands, result);
  for (const std::string& labels : operands) {
    if (!covered(labels)) return std::nullopt;
  }
  std::optional<Term> total;
  for (size_t i = 0; i < operands.size(); ++i) {
    std::string later = result;
    for (size_t k = i + 1; k < operands.size(); ++k) later += operands[k];
    const std::string so_far = total ? total->labels : std::string();
    const Term term = summed({node.input_value(i), operands[i]}, later + so_far);
    total = total ? multiplied(summed(*total, later + term.labels), term, later) : term;
  }
  return permuted(*total, result).value;
}

}  // namespace accel::backend
