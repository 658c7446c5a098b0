#include "models/foreign/adapt.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <openvino/op/broadcast.hpp>
#include <openvino/op/constant.hpp>
#include <openvino/op/convert.hpp>
#include <openvino/op/gather.hpp>
#include <openvino/op/parameter.hpp>
#include <openvino/op/result.hpp>
#include <openvino/op/shape_of.hpp>

namespace accel::models::foreign {
namespace {

ov::element::Type input_type(DType dtype) {
  return is_integer(dtype) ? ov::element::i64 : ov::element::f32;
}

// `parameter`, or one of the type that accel gives in its place.
std::shared_ptr<ov::op::v0::Parameter> renamed(
    const std::shared_ptr<ov::op::v0::Parameter>& parameter, const InputSpec& spec) {
  std::shared_ptr<ov::op::v0::Parameter> named = parameter;
  const ov::element::Type type = input_type(spec.dtype);
  if (parameter->get_element_type() != type) {
    named = std::make_shared<ov::op::v0::Parameter>(type, parameter->get_partial_shape());
    const auto converted =
        std::make_shared<ov::op::v0::Convert>(named, parameter->get_element_type());
    parameter->output(0).replace(converted->output(0));
  }
  named->output(0).set_names({std::string(spec.name)});
  named->set_friendly_name(std::string(spec.name));
  return named;
}

// [B, C, H, W] to [B, H, W], as numbers.
Output without_channels(const Output& shape) {
  const auto kept = ov::op::v0::Constant::create(ov::element::i64, ov::Shape{3}, {0, 2, 3});
  const auto zero = ov::op::v0::Constant::create(ov::element::i64, ov::Shape{}, {0});
  return std::make_shared<ov::op::v8::Gather>(shape, kept, zero);
}

}  // namespace

Result<AdaptedInputs> adapt_inputs(const ov::Model& model, const std::vector<MappedInput>& inputs,
                                   const std::vector<std::string>& wanted) {
  AdaptedInputs adapted;
  std::vector<const MappedInput*> fillings;
  std::vector<std::string_view> missing;
  const ov::ParameterVector& parameters = model.get_parameters();
  for (const MappedInput& input : inputs) {
    const std::string role(input.spec.name);
    if (std::ranges::find(wanted, role) != wanted.end()) {
      adapted.parameters.push_back(renamed(parameters[input.port], input.spec));
      adapted.values.emplace(role, adapted.parameters.back()->output(0));
    } else if (input.spec.needed != Needed::kAlways && filling(role)) {
      fillings.push_back(&input);
    } else {
      missing.push_back(input.spec.name);
    }
  }
  for (const MappedInput* input : fillings) {
    const std::string_view model_of_shape = filled_like(input->spec);
    const auto like = adapted.values.find(model_of_shape);
    if (like == adapted.values.end()) {
      missing.push_back(model_of_shape);
      continue;
    }
    Output shape = std::make_shared<ov::op::v3::ShapeOf>(like->second);
    if (input->spec.name == "pixel_mask") shape = without_channels(shape);
    const auto& parameter = parameters[input->port];
    const auto value = ov::op::v0::Constant::create(parameter->get_element_type(), ov::Shape{},
                                                    {*filling(input->spec.name)});
    const auto filled = std::make_shared<ov::op::v3::Broadcast>(value, shape);
    parameter->output(0).replace(filled->output(0));
  }
  if (!missing.empty()) {
    return invalid_argument(fmt::format("the graph cannot go without its input {}, which is not "
                                        "given; it takes {} together",
                                        fmt::join(missing, ", "),
                                        inputs.size() == 1 ? "one input" : "all of its inputs"));
  }
  return adapted;
}

std::vector<Output> f32_outputs(const ov::Model& model) {
  std::vector<Output> values;
  for (const auto& result : model.get_results()) {
    Output value = result->input_value(0);
    const ov::element::Type type = value.get_element_type();
    // A conversion to the same type gives a tensor of its own where two results share one.
    const bool shared = std::ranges::find(values, value) != values.end() ||
                        ov::is_type<ov::op::v0::Parameter>(value.get_node());
    if ((type.is_real() && type != ov::element::f32) || shared) {
      const ov::element::Type wanted = type.is_real() ? ov::element::f32 : type;
      value = std::make_shared<ov::op::v0::Convert>(value, wanted);
    }
    values.push_back(value);
  }
  return values;
}

void keep_own_names(ov::Model& model, const std::vector<GraphPort>& inputs,
                    const std::vector<GraphPort>& outputs) {
  for (size_t i = 0; i < inputs.size(); ++i) model.input(i).set_names({inputs[i].name});
  for (size_t i = 0; i < outputs.size(); ++i) model.output(i).set_names({outputs[i].name});
}

}  // namespace accel::models::foreign
