#include "models/gguf/packed_weight.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <openvino/op/constant.hpp>
#include <openvino/op/gather.hpp>
#include <openvino/op/matmul.hpp>
#include <openvino/op/parameter.hpp>
#include <openvino/op/result.hpp>
#include <openvino/runtime/core.hpp>

#include "tensors/npz.h"

namespace accel::models::gguf {
namespace {

using tensors::BlockFormat;

ov::Core& core() {
  static ov::Core core;
  return core;
}

constexpr int64_t kRows = 16;
constexpr int64_t kColumns = 2048;  // eight groups of the widest

// A matrix of the random blocks that tools/make_gguf.py wrote, as often as it takes.
Blocks matrix_of(const BlockFormat& format) {
  const auto file = *MappedFile::open(std::string(ACCEL_TEST_DATA) + "/gguf/blocks.npz");
  const auto all = tensors::read_npz(file->bytes(), file);
  const Tensor* few = all.ok() ? find(*all, format.name) : nullptr;
  if (few == nullptr) return {};
  const int64_t count = kRows * kColumns / format.elements;
  auto bytes = std::make_shared<std::vector<std::byte>>();
  for (int64_t i = 0; i < count; ++i) {
    // Without the first block, whose scale is too small to tell its numbers apart.
    const int64_t block = 1 + i % (few->shape()[0] - 1);
    const auto from = few->bytes().subspan(static_cast<size_t>(block) * format.bytes, format.bytes);
    bytes->insert(bytes->end(), from.begin(), from.end());
  }
  return {&format, {kRows, kColumns}, *bytes, bytes};
}

std::vector<const BlockFormat*> formats() {
  std::vector<const BlockFormat*> all;
  for (uint32_t id = 0; id < 64; ++id) {
    const BlockFormat* format = tensors::find_block_format(id);
    if (format != nullptr && matrix_of(*format).format != nullptr) all.push_back(format);
  }
  return all;
}

class PackedFormat : public testing::TestWithParam<const BlockFormat*> {};
INSTANTIATE_TEST_SUITE_P(Gguf, PackedFormat, testing::ValuesIn(formats()),
                         [](const auto& each) { return std::string(each.param->name); });

// The layers of the executed graph.
std::vector<std::string> layers_of(const ov::CompiledModel& compiled) {
  std::vector<std::string> layers;
  for (const auto& node : compiled.get_runtime_model()->get_ordered_ops()) {
    layers.push_back(node->get_rt_info().at("layerType").as<std::string>());
  }
  return layers;
}

// The types of the constants of the executed graph.
std::vector<std::string> constant_types(const ov::CompiledModel& compiled) {
  std::vector<std::string> types;
  for (const auto& node : compiled.get_runtime_model()->get_ordered_ops()) {
    const auto& info = node->get_rt_info();
    if (info.at("layerType").as<std::string>() != "Const") continue;
    types.push_back(info.at("outputPrecisions").as<std::string>());
  }
  return types;
}

ov::CompiledModel compile(const Output& output, const std::shared_ptr<ov::op::v0::Parameter>& in) {
  const auto model = std::make_shared<ov::Model>(
      ov::ResultVector{std::make_shared<ov::op::v0::Result>(output)}, ov::ParameterVector{in}, "m");
  keep_activations(*model);
  return core().compile_model(model, "CPU", {{"INFERENCE_PRECISION_HINT", "f32"}});
}

// Largest difference to `expected`, as a share of its largest number.
double error(const ov::Tensor& found, const std::vector<double>& expected) {
  double apart = 0;
  double largest = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    apart = std::max(apart, std::abs(found.data<float>()[i] - expected[i]));
    largest = std::max(largest, std::abs(expected[i]));
  }
  return apart / largest;
}

TEST_P(PackedFormat, ProductsAreThoseOfTheNumbersAndFused) {
  const PackedWeight weight(matrix_of(*GetParam()), {});
  const Tensor numbers = weight.tensor();
  const auto in =
      std::make_shared<ov::op::v0::Parameter>(ov::element::f32, ov::PartialShape{-1, kColumns});
  const auto product = std::make_shared<ov::op::v0::MatMul>(in, weight.value(), false, true);
  ov::CompiledModel compiled = compile(product, in);
  const std::vector<std::string> layers = layers_of(compiled);
  EXPECT_THAT(layers, testing::Contains("FullyConnected"));
  for (const char* apart : {"Eltwise", "Convert", "Subgraph", "Reshape"}) {
    EXPECT_THAT(layers, testing::Not(testing::Contains(apart)));
  }
  constexpr size_t kTexts = 3;
  std::vector<float> x(kTexts * kColumns);
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i * 37 % 101) / 101 - 0.5F;
  std::vector<double> expected;
  for (size_t text = 0; text < kTexts; ++text) {
    for (int64_t row = 0; row < kRows; ++row) {
      double sum = 0;
      for (int64_t i = 0; i < kColumns; ++i) {
        sum += static_cast<double>(numbers.data<float>()[row * kColumns + i]) *
               x[text * kColumns + static_cast<size_t>(i)];
      }
      expected.push_back(sum);
    }
  }
  ov::InferRequest request = compiled.create_infer_request();
  request.set_input_tensor(ov::Tensor(ov::element::f32, {kTexts, kColumns}, x.data()));
  request.infer();
  EXPECT_LE(error(request.get_output_tensor(), expected), 1e-5);
  RecordProperty("constants", testing::PrintToString(constant_types(compiled)));
  RecordProperty("layers", testing::PrintToString(layers));
}

TEST_P(PackedFormat, RowsAreThoseOfTheNumbersAndFused) {
  const PackedWeight weight(matrix_of(*GetParam()), {});
  const Tensor numbers = weight.tensor();
  const auto in = std::make_shared<ov::op::v0::Parameter>(ov::element::i64, ov::PartialShape{-1});
  const auto axis = ov::op::v0::Constant::create(ov::element::i64, ov::Shape{}, {0});
  ov::CompiledModel compiled =
      compile(std::make_shared<ov::op::v8::Gather>(weight.value(), in, axis), in);
  const std::vector<std::string> layers = layers_of(compiled);
  for (const char* apart : {"Eltwise", "Subgraph", "Reshape"}) {
    EXPECT_THAT(layers, testing::Not(testing::Contains(apart)));
  }
  std::vector<int64_t> rows{3, 0, 15};
  std::vector<double> expected;
  for (const int64_t row : rows) {
    const auto from = numbers.data<float>().subspan(static_cast<size_t>(row * kColumns), kColumns);
    expected.insert(expected.end(), from.begin(), from.end());
  }
  ov::InferRequest request = compiled.create_infer_request();
  request.set_input_tensor(ov::Tensor(ov::element::i64, {rows.size()}, rows.data()));
  request.infer();
  EXPECT_LE(error(request.get_output_tensor(), expected), 1e-6);
  RecordProperty("layers", testing::PrintToString(layers));
}

TEST(PackedWeight, RowsComeInTheWantedOrder) {
  const BlockFormat& format = *tensors::find_block_format(8);
  const RowOrder order{.a = 4, .b = 2, .run = 1};  // two heads of eight rows
  const Blocks blocks = matrix_of(format);
  const Tensor stored = PackedWeight(blocks, {}).tensor();
  const Tensor wanted = PackedWeight(blocks, order).tensor();
  // Stored are the neighbours (0, 4), (1, 5) ... of a head's halves.
  const std::vector<int64_t> from{0, 2, 4, 6, 1, 3, 5, 7, 8, 10, 12, 14, 9, 11, 13, 15};
  for (size_t row = 0; row < from.size(); ++row) {
    const auto part = [](const Tensor& tensor, int64_t at) {
      return tensor.data<float>().subspan(static_cast<size_t>(at * kColumns), kColumns);
    };
    EXPECT_TRUE(
        std::ranges::equal(part(wanted, static_cast<int64_t>(row)), part(stored, from[row])))
        << row;
  }
}

TEST(PackedWeight, GroupsWithoutAScaleAreTheirOffset) {
  const BlockFormat& format = *tensors::find_block_format(3);  // Q4_1
  auto bytes = std::make_shared<std::vector<std::byte>>(4 * 4 * format.bytes, std::byte{0x21});
  for (size_t at = 0; at < bytes->size(); at += format.bytes) {
    (*bytes)[at] = (*bytes)[at + 1] = std::byte{0};  // the scale
    (*bytes)[at + 2] = std::byte{0};                 // the offset: 1
    (*bytes)[at + 3] = std::byte{0x3C};
  }
  const PackedWeight weight({&format, {4, 128}, *bytes, bytes}, {});
  ASSERT_TRUE(stays_packed(format, weight.shape()));
  const Tensor numbers = weight.tensor();
  for (const float each : numbers.data<float>()) EXPECT_EQ(each, 1.0F);
  const auto in =
      std::make_shared<ov::op::v0::Parameter>(ov::element::f32, ov::PartialShape{-1, 128});
  const auto product = std::make_shared<ov::op::v0::MatMul>(in, weight.value(), false, true);
  ov::InferRequest request = compile(product, in).create_infer_request();
  std::vector<float> x(128, 0.25F);
  request.set_input_tensor(ov::Tensor(ov::element::f32, {1, 128}, x.data()));
  request.infer();
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_NEAR(request.get_output_tensor().data<float>()[i], 32.0F, 1e-4F);
  }
}

}  // namespace
}  // namespace accel::models::gguf
