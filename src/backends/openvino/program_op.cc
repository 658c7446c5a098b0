#include "backends/openvino/program_op.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "backends/openvino/engine_threads.h"

namespace accel::backend {
namespace {

int64_t product(const ov::Shape& shape, size_t begin, size_t end) {
  return std::accumulate(shape.begin() + begin, shape.begin() + end, int64_t{1},
                         [](int64_t all, size_t one) { return all * static_cast<int64_t>(one); });
}

kernels::ProgramInput input_of(const ov::Tensor& tensor) {
  const ov::Shape& shape = tensor.get_shape();
  const size_t last = shape.size() - 1;
  const size_t first = std::min<size_t>(last, 1);  // the batch, unless there is one axis only
  return {.data = tensor.data<const float>(),
          .batch = product(shape, 0, first),
          .length = product(shape, first, last)};
}

// The mask with a last dimension of one repeated for every key.
ov::Tensor with_keys(const ov::Tensor& mask, size_t keys) {
  ov::Shape shape = mask.get_shape();
  if (shape[3] == keys) return mask;
  OPENVINO_ASSERT(shape[3] == 1, "expected a mask for ", keys, " keys, found one for ", shape[3]);
  shape[3] = keys;
  ov::Tensor wide(ov::element::f32, shape);
  for (size_t i = 0; i < mask.get_size(); ++i) {
    std::fill_n(wide.data<float>() + i * keys, keys, mask.data<const float>()[i]);
  }
  return wide;
}

kernels::AttentionMask mask_of(const ov::Tensor& tensor) {
  const ov::Shape& shape = tensor.get_shape();
  const auto stride = [&](size_t axis) {
    return shape[axis] == 1 ? 0 : product(shape, axis + 1, shape.size());
  };
  return {.data = tensor.data<const float>(),
          .batch_stride = stride(0),
          .head_stride = stride(1),
          .query_stride = stride(2)};
}

}  // namespace

ProgramOp::ProgramOp(const ov::OutputVector& inputs,
                     std::shared_ptr<const kernels::Program> program, SharedThreads threads)
    : Op(inputs), program_(std::move(program)), threads_(std::move(threads)) {
  constructor_validate_and_infer_types();
}

void ProgramOp::validate_and_infer_types() {
  const std::vector<kernels::Value>& outputs = program_->parts().outputs;
  for (size_t i = 0; i < outputs.size(); ++i) {
    const auto source = static_cast<size_t>(program_->rows_from(outputs[i]));
    ov::PartialShape shape = get_input_partial_shape(source);
    shape[shape.size() - 1] = program_->width(outputs[i]);
    set_output_type(i, ov::element::f32, shape);
  }
}

// The engine merges nodes of the same inputs and attributes: the program tells them apart.
bool ProgramOp::visit_attributes(ov::AttributeVisitor& visitor) {
  auto program = reinterpret_cast<int64_t>(program_.get());
  visitor.on_attribute("program", program);
  return true;
}

std::shared_ptr<ov::Node> ProgramOp::clone_with_new_inputs(const ov::OutputVector& inputs) const {
  return std::make_shared<ProgramOp>(inputs, program_, threads_);
}

bool ProgramOp::evaluate(ov::TensorVector& outputs, const ov::TensorVector& inputs) const {
  const kernels::ProgramParts& parts = program_->parts();
  const size_t values = parts.input_widths.size();
  std::vector<kernels::ProgramInput> given;
  for (size_t i = 0; i < values; ++i) given.push_back(input_of(inputs[i]));

  std::vector<ov::Tensor> masks(inputs.begin() + static_cast<int64_t>(values), inputs.end() - 1);
  const bool urgent = inputs.back().data<const int32_t>()[0] != 0;
  for (const kernels::Step& step : parts.steps) {
    const auto* attention = std::get_if<kernels::AttentionStep>(&step);
    if (attention == nullptr || attention->mask < 0) continue;
    const auto source = static_cast<size_t>(program_->rows_from(attention->key));
    ov::Tensor& mask = masks[static_cast<size_t>(attention->mask)];
    mask = with_keys(mask, static_cast<size_t>(given[source].length));
  }
  std::vector<kernels::AttentionMask> given_masks;
  for (const ov::Tensor& mask : masks) given_masks.push_back(mask_of(mask));

  std::vector<float*> results;
  for (size_t i = 0; i < outputs.size(); ++i) {
    ov::Shape shape =
        inputs[static_cast<size_t>(program_->rows_from(parts.outputs[i]))].get_shape();
    shape.back() = static_cast<size_t>(program_->width(parts.outputs[i]));
    outputs[i].set_shape(shape);
    results.push_back(outputs[i].data<float>());
  }
  program_->run({.inputs = given, .masks = given_masks, .outputs = results}, threads_.now(urgent));
  return true;
}

}  // namespace accel::backend
