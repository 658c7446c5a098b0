// Which recognised nodes become one program.
#include <algorithm>
#include <cmath>
#include <map>
#include <openvino/core/graph_util.hpp>
#include <openvino/op/parameter.hpp>
#include <vector>

#include "backends/openvino/program_op.h"
#include "backends/openvino/recognised_ops.h"

namespace accel::backend {
namespace {

using Value = ov::Output<ov::Node>;
using Nodes = std::vector<std::shared_ptr<ov::Node>>;

bool recognised(const ov::Node* node) {
  return ov::is_type<DenseOp>(node) || ov::is_type<AttentionOp>(node);
}

// Groups of recognised nodes that can run as one: no way leads from one of a group through a node
// of the engine to another of it. Each group reads only groups before it.
std::map<int, Nodes> groups_of(const ov::Model& model) {
  std::map<const ov::Node*, int> level;
  std::map<int, Nodes> groups;
  for (const auto& node : model.get_ordered_ops()) {
    const bool own = recognised(node.get());
    int at = 0;
    for (const Value& input : node->input_values()) {
      const int before = level[input.get_node()];
      const bool leaves = recognised(input.get_node()) && !own;
      at = std::max(at, before + (leaves ? 1 : 0));
    }
    level[node.get()] = at;
    if (own) groups[at].push_back(node);
  }
  return groups;
}

class Gathering {
 public:
  Gathering(const Nodes& nodes, const kernels::KernelTable& table, const ProgramUse& use)
      : nodes_(nodes), table_(table), threads_(use.threads) {
    parts_.timed = use.timed;
    for (const auto& node : nodes_) step_of_.emplace(node.get(), step_of_.size());
  }

  void replace(const Value& urgent) {
    for (const auto& node : nodes_) take_inputs(*node);  // numbered before the steps are
    std::vector<Value> results;
    for (const auto& node : nodes_) {
      parts_.steps.push_back(step(*node));
      parts_.names.push_back(node->get_friendly_name());
      if (!read_outside(node->output(0))) continue;
      parts_.outputs.push_back(number_of(node->output(0)));
      results.push_back(node->output(0));
    }
    ov::OutputVector inputs = inputs_;
    inputs.insert(inputs.end(), masks_.begin(), masks_.end());
    inputs.push_back(urgent);
    const auto program = std::make_shared<ProgramOp>(
        inputs, std::make_shared<const kernels::Program>(std::move(parts_)), threads_);
    program->set_friendly_name(nodes_.back()->get_friendly_name());
    for (size_t i = 0; i < results.size(); ++i) results[i].replace(program->output(i));
  }

 private:
  // Each value once.
  void take_inputs(const ov::Node& node) {
    const auto* dense = ov::as_type<const DenseOp>(&node);
    const auto* attention = ov::as_type<const AttentionOp>(&node);
    const size_t count = dense != nullptr ? node.get_input_size() : 3;
    for (size_t i = 0; i < count; ++i) {
      const Value value = node.input_value(i);
      if (step_of_.contains(value.get_node()) || std::ranges::count(inputs_, value) > 0) continue;
      inputs_.push_back(value);
      parts_.input_widths.push_back(dense == nullptr ? attention->heads() * attention->head_size()
                                    : i == 0         ? dense->layer()->in()
                                                     : dense->layer()->out());
    }
  }

  kernels::Value number_of(const Value& value) const {
    const auto step = step_of_.find(value.get_node());
    const size_t number = step != step_of_.end()
                              ? inputs_.size() + step->second
                              : std::ranges::find(inputs_, value) - inputs_.begin();
    return static_cast<kernels::Value>(number);
  }

  kernels::Step step(const ov::Node& node) {
    const auto input = [&](size_t i) { return number_of(node.input_value(i)); };
    if (const auto* dense = ov::as_type<const DenseOp>(&node)) {
      const bool added = node.get_input_size() > 1;
      return kernels::DenseStep{
          .layer = dense->layer(), .x = input(0), .residual = added ? input(1) : kernels::kNoValue};
    }
    const auto& attention = *ov::as_type<const AttentionOp>(&node);
    kernels::AttentionStep step{
        .table = &table_,
        .heads = attention.heads(),
        .scale = 1.0F / std::sqrt(static_cast<float>(attention.head_size())),
        .query = input(0),
        .key = input(1),
        .value = input(2)};
    if (node.get_input_size() > 3) {  // its own, since it may have to be repeated for its keys
      step.mask = static_cast<int>(masks_.size());
      masks_.push_back(node.input_value(3));
    }
    return step;
  }

  bool read_outside(const Value& value) const {
    return std::ranges::any_of(value.get_target_inputs(), [&](const ov::Input<ov::Node>& reader) {
      return !step_of_.contains(reader.get_node());
    });
  }

  const Nodes& nodes_;
  const kernels::KernelTable& table_;
  const SharedThreads& threads_;
  std::map<const ov::Node*, size_t> step_of_;
  kernels::ProgramParts parts_;
  ov::OutputVector inputs_;
  ov::OutputVector masks_;
};

}  // namespace

void gather_programs(ov::Model& model, const kernels::KernelTable& table, const ProgramUse& use) {
  const auto urgent = std::make_shared<ov::op::v0::Parameter>(ov::element::i32, ov::Shape{1});
  urgent->set_friendly_name("accel.urgent");
  urgent->output(0).set_names({"accel.urgent"});
  for (const auto& [level, nodes] : groups_of(model)) Gathering(nodes, table, use).replace(urgent);
  model.add_parameters({urgent});
}

}  // namespace accel::backend
