#include "backends/openvino/workarounds.h"

#include <algorithm>
#include <limits>
#include <openvino/op/clamp.hpp>
#include <openvino/op/cos.hpp>
#include <openvino/op/gelu.hpp>
#include <openvino/op/matmul.hpp>
#include <openvino/op/multiply.hpp>
#include <openvino/op/normalize_l2.hpp>
#include <openvino/op/sin.hpp>
#include <openvino/op/swish.hpp>
#include <unordered_set>

// Exported by the engine, whose SDK has no header for it.
namespace ov {
OPENVINO_API void disable_conversion(const std::shared_ptr<Node>& node, const element::Type& to);
}  // namespace ov

namespace accel::backend {
namespace {

using Node = std::shared_ptr<ov::Node>;

template <class... Ops>
bool is_any(const Node& node) {
  return (ov::is_type<Ops>(node) || ...);
}

bool turns(const Node& node) { return is_any<ov::op::v0::Cos, ov::op::v0::Sin>(node); }

bool needs_range(const Node& node) { return turns(node) || is_any<ov::op::v0::NormalizeL2>(node); }

void keep(const Node& node) {
  ov::disable_conversion(node, ov::element::f16);
  ov::disable_conversion(node, ov::element::bf16);
}

// `node` and all that it is computed from.
void keep_with_sources(const Node& node, std::unordered_set<const ov::Node*>& seen) {
  if (!seen.insert(node.get()).second) return;
  keep(node);
  for (const ov::Output<ov::Node>& input : node->input_values()) {
    keep_with_sources(input.get_node_shared_ptr(), seen);
  }
}

// act(gate) * up, on its way into a MatMul.
bool is_gated(const Node& node) {
  if (!is_any<ov::op::v1::Multiply>(node)) return false;
  const auto activated = [&](size_t input) {
    return is_any<ov::op::v4::Swish, ov::op::v7::Gelu>(node->get_input_node_shared_ptr(input));
  };
  if (!activated(0) && !activated(1)) return false;
  const auto consumers = node->output(0).get_target_inputs();
  return std::ranges::any_of(consumers, [](const ov::Input<ov::Node>& input) {
    return is_any<ov::op::v0::MatMul>(input.get_node()->shared_from_this());
  });
}

}  // namespace

SharedModel keep_range(const SharedModel& model) {
  if (std::ranges::none_of(model->get_ordered_ops(), needs_range)) return model;
  const std::shared_ptr<ov::Model> copy = model->clone();
  std::unordered_set<const ov::Node*> seen;
  for (const Node& node : copy->get_ordered_ops()) {
    if (turns(node)) keep_with_sources(node, seen);
    if (needs_range(node)) keep(node);
  }
  return copy;
}

SharedModel part_gated_feed_forward(const SharedModel& model) {
  if (std::ranges::none_of(model->get_ordered_ops(), is_gated)) return model;
  const std::shared_ptr<ov::Model> copy = model->clone();
  for (const Node& node : copy->get_ordered_ops()) {
    if (!is_gated(node)) continue;
    const auto consumers = node->output(0).get_target_inputs();
    // Changes no finite number, is computed with the product, and the engine does not see through.
    constexpr auto kMost = static_cast<double>(std::numeric_limits<float>::max());
    const auto parted = std::make_shared<ov::op::v0::Clamp>(node, -kMost, kMost);
    for (ov::Input<ov::Node> input : consumers) input.replace_source_output(parted);
  }
  return copy;
}

}  // namespace accel::backend
