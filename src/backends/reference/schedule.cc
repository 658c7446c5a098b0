#include "backends/reference/schedule.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <openvino/op/constant.hpp>
#include <openvino/op/parameter.hpp>
#include <openvino/op/result.hpp>
#include <optional>
#include <utility>

#include "backend/guard.h"
#include "base/try.h"

namespace accel::backend {
namespace {

std::string name_of(const ov::Node& node) {
  return fmt::format("{} '{}'", node.get_type_name(), node.get_friendly_name());
}

// The node on the values it will read; its output shapes follow from them.
Result<std::shared_ptr<ov::Node>> specialized(const ov::Node& node,
                                              const ov::TensorVector& inputs) {
  ov::OutputVector sources;
  for (const ov::Tensor& input : inputs) {
    sources.push_back(std::make_shared<ov::op::v0::Constant>(input));
  }
  return guarded(
      "the inputs do not fit together at " + name_of(node), StatusCode::kInvalidArgument,
      [&]() -> Result<std::shared_ptr<ov::Node>> { return node.clone_with_new_inputs(sources); });
}

Result<ov::TensorVector> evaluated(const ov::Node& node, const ov::TensorVector& inputs) {
  ACCEL_ASSIGN(const auto ready, specialized(node, inputs));
  ov::TensorVector outputs;
  bool anything_to_compute = false;
  for (const auto& output : ready->outputs()) {
    // A shape that depends on more than shapes is set by the operation itself.
    const ov::PartialShape& shape = output.get_partial_shape();
    outputs.emplace_back(output.get_element_type(),
                         shape.is_static() ? shape.to_shape() : ov::Shape{0});
    if (shape.is_dynamic() || outputs.back().get_size() > 0) anything_to_compute = true;
  }
  if (anything_to_compute && !ready->evaluate(outputs, inputs)) {
    return unimplemented(fmt::format(
        "the reference backend cannot compute {}; use the openvino backend", name_of(node)));
  }
  return outputs;
}

}  // namespace

Schedule::Schedule(std::shared_ptr<const ov::Model> model) : model_(std::move(model)) {
  std::map<const ov::Node*, size_t> first_value;
  std::vector<std::optional<size_t>> last_reader;  // of each value, an index of steps_
  for (const auto& node : model_->get_ordered_ops()) {
    // A node makes up its name when first asked, which sessions may not do at the same time.
    (void)node->get_friendly_name();
    const size_t writes = values_.size();
    first_value[node.get()] = writes;
    values_.resize(writes + node->get_output_size());
    last_reader.resize(values_.size());
    if (const auto constant = ov::as_type_ptr<const ov::op::v0::Constant>(node)) {
      values_[writes] = constant->get_tensor_view();
    } else if (!ov::is_type<ov::op::v0::Parameter>(node)) {
      Step step{.node = node, .writes = writes};
      for (const auto& source : node->input_values()) {
        const size_t value = first_value.at(source.get_node()) + source.get_index();
        step.reads.push_back(value);
        if (!values_[value]) last_reader[value] = steps_.size();
      }
      steps_.push_back(std::move(step));
    }
  }
  for (const auto& parameter : model_->get_parameters()) {
    parameters_.push_back(first_value.at(parameter.get()));
  }
  for (const auto& result : model_->get_results()) {
    results_.push_back(first_value.at(result.get()));
  }
  for (size_t value = 0; value < values_.size(); ++value) {
    if (last_reader[value]) steps_[*last_reader[value]].dead.push_back(value);
  }
}

Status Schedule::run(const std::vector<ov::Tensor>& inputs,
                     std::vector<ov::Tensor>& outputs) const {
  std::vector<ov::Tensor> values = values_;
  for (size_t i = 0; i < parameters_.size(); ++i) values[parameters_[i]] = inputs[i];
  for (const Step& step : steps_) {
    ov::TensorVector read;
    for (const size_t value : step.reads) read.push_back(values[value]);
    ACCEL_ASSIGN(ov::TensorVector written, evaluated(*step.node, read));
    std::ranges::move(written, values.begin() + static_cast<ptrdiff_t>(step.writes));
    for (const size_t value : step.dead) values[value] = {};
  }
  outputs.clear();
  for (const size_t value : results_) outputs.push_back(values[value]);
  return {};
}

}  // namespace accel::backend
