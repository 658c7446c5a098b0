#include "precision/written_graph.h"

#include <fmt/format.h>

#include <map>
#include <openvino/core/runtime_attribute.hpp>
#include <openvino/op/constant.hpp>
#include <openvino/op/convert.hpp>
#include <openvino/op/matmul.hpp>
#include <openvino/op/multiply.hpp>
#include <openvino/op/reshape.hpp>
#include <openvino/op/subtract.hpp>
#include <tuple>

#include "backend/guard.h"
#include "backend/placed_constant.h"
#include "base/try.h"

namespace accel::precision {
namespace {

using Value = ov::Output<ov::Node>;

// The mark that the engine's own writer of f16 puts on conversions: not to be folded away before a
// plug-in has seen them. Its class is not among the public headers; its name is in the files.
class Decompression : public ov::RuntimeAttribute {
 public:
  OPENVINO_RTTI("decompression", "0", ov::RuntimeAttribute);
  bool visit_attributes(ov::AttributeVisitor& /*visitor*/) override { return true; }
};

Value placed(const PlacedTensor& tensor) {
  return std::make_shared<backend::PlacedConstant>(tensor.type, tensor.shape, tensor.place);
}

Value converted(const Value& value, const ov::element::Type& type, bool mark) {
  auto convert = std::make_shared<ov::op::v0::Convert>(value, type);
  if (mark) {
    convert->get_rt_info()[Decompression::get_type_info_static()] =
        std::make_shared<Decompression>();
  }
  return convert;
}

Value numbers_of(const PlannedWeight& weight, const WrittenWeight& written) {
  if (!written.scales) {
    Value value = placed(written.values);
    const ov::element::Type& type = weight.value.get_element_type();
    if (value.get_element_type() == type) return value;
    return converted(value, type, true);
  }
  const ov::element::Type& type = written.scales->type;
  Value value = converted(placed(written.values), type, false);
  if (written.zeros) {
    value = std::make_shared<ov::op::v1::Subtract>(value,
                                                   converted(placed(*written.zeros), type, false));
  }
  value = std::make_shared<ov::op::v1::Multiply>(value, placed(*written.scales));
  if (weight.group != weight.columns) {
    const auto shape =
        ov::op::v0::Constant::create(ov::element::i64, ov::Shape{2}, {weight.rows, weight.columns});
    value = std::make_shared<ov::op::v1::Reshape>(value, shape, false);
  }
  return type == ov::element::f32 ? value : converted(value, ov::element::f32, false);
}

}  // namespace

void replace_weight(const PlannedWeight& weight, const WrittenWeight& written) {
  Value before = weight.value;
  const bool stored_before_conversion =
      before.get_node() != weight.constant.get() && written.format == WeightFormat::kAsStored;
  if (stored_before_conversion) before = weight.constant->output(0);
  const Value after =
      stored_before_conversion ? placed(written.values) : numbers_of(weight, written);
  after.get_node()->set_friendly_name(before.get_node()->get_friendly_name());
  for (ov::Input<ov::Node> input : before.get_target_inputs()) {
    input.replace_source_output(after);
    if (!weight.transposed) continue;
    if (auto* product = ov::as_type<ov::op::v0::MatMul>(input.get_node())) {
      product->set_transpose_b(true);
    }
  }
}

Result<std::vector<FormatTally>> compress(ov::Model& model, const CompressionOptions& options,
                                          WeightSink& sink) {
  std::map<WeightFormat, FormatTally> tallies;
  using Key = std::tuple<const void*, size_t, WeightFormat, int64_t, bool>;
  std::map<Key, WrittenWeight> shared;
  for (const PlannedWeight& weight : plan_weights(model, options)) {
    const uint64_t before = weight.constant->get_byte_size();
    const Key key{weight.constant->get_data_ptr(), before, weight.format, weight.group,
                  weight.transposed};
    auto found = shared.find(key);
    if (found == shared.end()) {
      ACCEL_ASSIGN(WrittenWeight written, write_weight(weight, options, sink));
      FormatTally& tally = tallies[written.format];
      tally.format = written.format;
      tally.tensors += 1;
      tally.bytes_before += before;
      tally.bytes += written.bytes;
      found = shared.emplace(key, std::move(written)).first;
    }
    replace_weight(weight, found->second);
  }
  if (tallies.contains(WeightFormat::kInt8) || tallies.contains(WeightFormat::kInt4)) {
    keep_activations(model);
  }
  std::vector<FormatTally> listed;
  for (const auto& [format, tally] : tallies) listed.push_back(tally);
  return listed;
}

void keep_activations(ov::Model& model) {
  model.set_rt_info(std::string("0"), "runtime_options", "DYNAMIC_QUANTIZATION_GROUP_SIZE");
}

Status fix_shapes(ov::Model& model, int64_t batch, int64_t length) {
  std::map<ov::Output<ov::Node>, ov::PartialShape> shapes;
  for (const auto& parameter : model.get_parameters()) {
    ov::PartialShape shape = parameter->get_partial_shape();
    const std::string name = parameter->output(0).get_names().empty()
                                 ? parameter->get_friendly_name()
                                 : parameter->output(0).get_any_name();
    if (shape.rank().is_dynamic() || shape.size() == 0) {
      return invalid_argument(fmt::format("--static: the input {} has no first axis", name));
    }
    const auto fix = [&](size_t axis, int64_t size) {
      if (shape[axis].is_dynamic()) shape[axis] = size;
      return shape[axis] == size;
    };
    if (!fix(0, batch)) {
      return invalid_argument(fmt::format("--static: expected a batch of {}, which the input {} "
                                          "has, found {}",
                                          shape[0].to_string(), name, batch));
    }
    if (shape.size() == 2 && shape[1].is_dynamic()) {
      if (length == 0) {
        return invalid_argument(fmt::format("--static: expected B,L, for the input {} has a "
                                            "length, found {}",
                                            name, batch));
      }
      fix(1, length);
    }
    if (shape.is_dynamic()) {
      return invalid_argument(
          fmt::format("--static: expected inputs whose other axes are fixed, found {} {}", name,
                      shape.to_string()));
    }
    shapes.emplace(parameter->output(0), shape);
  }
  return backend::guarded("fixing the shapes", StatusCode::kInvalidArgument, [&]() -> Status {
    model.reshape(shapes);
    return {};
  });
}

}  // namespace accel::precision
