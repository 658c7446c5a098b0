#include "precision/widened_graph.h"

#include <algorithm>
#include <openvino/op/constant.hpp>
#include <openvino/op/convert.hpp>

#include "base/try.h"

namespace accel::precision {
namespace {

constexpr size_t kWidenedBytesMin = size_t{64} << 10;
constexpr size_t kWidenedSlice = size_t{1} << 20;  // numbers

}  // namespace

Result<std::vector<WidenedWeight>> write_widened(const ov::Model& model, WeightSink& sink) {
  std::vector<WidenedWeight> weights;
  std::vector<float> numbers;
  for (const auto& node : model.get_ordered_ops()) {
    if (!ov::is_type<ov::op::v0::Convert>(node) || node->get_element_type() != ov::element::f32) {
      continue;
    }
    const auto constant = ov::as_type_ptr<ov::op::v0::Constant>(node->get_input_node_shared_ptr(0));
    if (constant == nullptr || constant->get_byte_size() < kWidenedBytesMin) continue;
    const ov::element::Type& type = constant->get_element_type();
    if (type != ov::element::f16 && type != ov::element::bf16) continue;
    const size_t count = ov::shape_size(constant->get_shape());
    WidenedWeight weight{node->output(0), {sink.position(), count * sizeof(float)}};
    for (size_t begin = 0; begin < count; begin += numbers.size()) {
      numbers.resize(std::min(kWidenedSlice, count - begin));
      read_numbers(*constant, begin, numbers);
      ACCEL_TRY(sink.append(std::as_bytes(std::span(numbers))));
    }
    weights.push_back(std::move(weight));
  }
  return weights;
}

void use_widened(const std::vector<WidenedWeight>& weights,
                 const std::shared_ptr<const MappedFile>& file) {
  for (const WidenedWeight& weight : weights) {
    const std::byte* data = file->bytes().data() + weight.place.offset;
    const auto constant = std::make_shared<ov::op::v0::Constant>(
        ov::element::f32, weight.value.get_shape(), static_cast<const void*>(data),
        std::const_pointer_cast<MappedFile>(file));
    ov::Output<ov::Node> before = weight.value;
    for (ov::Input<ov::Node> input : before.get_target_inputs()) {
      input.replace_source_output(constant->output(0));
    }
  }
}

}  // namespace accel::precision
