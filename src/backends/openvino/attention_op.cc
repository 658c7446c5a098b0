#include "backends/openvino/attention_op.h"

#include <algorithm>

#include "backends/openvino/engine_threads.h"
#include "kernels/attention.h"

namespace accel::backend {
namespace {

// The mask, with a last dimension of one repeated for every key.
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

}  // namespace

AttentionOp::AttentionOp(const ov::OutputVector& inputs, int64_t heads, float scale,
                         const kernels::KernelTable& table)
    : Op(inputs), heads_(heads), scale_(scale), table_(&table) {
  constructor_validate_and_infer_types();
}

void AttentionOp::validate_and_infer_types() {
  set_output_type(0, ov::element::f32, get_input_partial_shape(0));
}

// The engine merges nodes of the same inputs and attributes.
bool AttentionOp::visit_attributes(ov::AttributeVisitor& visitor) {
  visitor.on_attribute("heads", heads_);
  visitor.on_attribute("scale", scale_);
  return true;
}

std::shared_ptr<ov::Node> AttentionOp::clone_with_new_inputs(const ov::OutputVector& inputs) const {
  return std::make_shared<AttentionOp>(inputs, heads_, scale_, *table_);
}

bool AttentionOp::evaluate(ov::TensorVector& outputs, const ov::TensorVector& inputs) const {
  const ov::Shape query = inputs[0].get_shape();
  const ov::Shape key = inputs[1].get_shape();
  const kernels::AttentionShape shape{
      .batch = static_cast<int64_t>(query[0]),
      .length_q = static_cast<int64_t>(query[1]),
      .length_k = static_cast<int64_t>(key[1]),
      .heads = heads_,
      .head_size = static_cast<int64_t>(query[2]) / heads_,
      .scale = scale_,
  };
  kernels::AttentionMask mask;
  ov::Tensor wide;
  if (inputs.size() > 3) {
    wide = with_keys(inputs[3], key[1]);
    const ov::Shape sizes = wide.get_shape();
    const auto stride = [&](size_t axis) {
      if (sizes[axis] == 1) return int64_t{0};
      size_t floats = 1;
      for (size_t i = axis + 1; i < sizes.size(); ++i) floats *= sizes[i];
      return static_cast<int64_t>(floats);
    };
    mask = {.data = wide.data<const float>(),
            .batch_stride = stride(0),
            .head_stride = stride(1),
            .query_stride = stride(2)};
  }
  outputs[0].set_shape(query);
  kernels::attention(*table_, shape,
                     {.query = inputs[0].data<const float>(),
                      .key = inputs[1].data<const float>(),
                      .value = inputs[2].data<const float>(),
                      .out = outputs[0].data<float>()},
                     mask, engine_threads());
  return true;
}

}  // namespace accel::backend
