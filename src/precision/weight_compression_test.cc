// Planning, writing and replacing together: a graph, compressed, computes nearly the same.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <openvino/op/convert.hpp>
#include <openvino/op/convolution.hpp>
#include <openvino/op/gather.hpp>
#include <openvino/op/group_conv.hpp>
#include <openvino/op/matmul.hpp>
#include <openvino/op/parameter.hpp>
#include <openvino/op/relu.hpp>
#include <openvino/op/reshape.hpp>
#include <openvino/op/util/op_types.hpp>
#include <openvino/runtime/core.hpp>
#include <random>

#include "backend/placed_constant.h"
#include "precision/weight_plan.h"
#include "precision/weight_writer.h"
#include "precision/widened_graph.h"
#include "precision/written_graph.h"

namespace accel::precision {
namespace {

using ::testing::HasSubstr;
using Value = ov::Output<ov::Node>;
namespace op = ov::op;

class MemorySink : public WeightSink {
 public:
  Status append(std::span<const std::byte> more) override {
    bytes.append(reinterpret_cast<const char*>(more.data()), more.size());
    return {};
  }
  uint64_t position() const override { return bytes.size(); }
  Status rewind(uint64_t position) override {
    bytes.resize(position);
    return {};
  }
  std::string bytes;
};

std::shared_ptr<op::v0::Constant> weight(const ov::Shape& shape, unsigned seed,
                                         float spread = 0.1F) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, spread);
  std::vector<float> numbers(ov::shape_size(shape));
  for (float& number : numbers) number = normal(random);
  return op::v0::Constant::create(ov::element::f32, shape, numbers);
}

Value product(const Value& x, const Value& matrix, bool transposed) {
  return std::make_shared<op::v0::MatMul>(x, matrix, false, transposed);
}

// Words -> embedding -> two layers of either orientation -> a last one.
std::shared_ptr<ov::Model> words() {
  const auto ids = std::make_shared<op::v0::Parameter>(ov::element::i64, ov::PartialShape{-1, -1});
  ids->output(0).set_names({"ids"});
  const auto axis = op::v0::Constant::create(ov::element::i64, ov::Shape{}, {0});
  const auto table = weight({50, 64}, 1, 1.0F);
  table->set_friendly_name("table");
  Value x = std::make_shared<op::v8::Gather>(table, ids, axis);
  const auto up = weight({96, 64}, 2);
  up->set_friendly_name("up");
  x = std::make_shared<op::v0::Relu>(product(x, up, true));
  const auto down = weight({96, 64}, 3);
  down->set_friendly_name("down");
  x = std::make_shared<op::v0::Relu>(product(x, down, false));
  const auto last = weight({40, 64}, 4);
  last->set_friendly_name("last");
  const auto result = std::make_shared<op::v0::Result>(product(x, last, true));
  result->output(0).set_names({"y"});
  return std::make_shared<ov::Model>(ov::ResultVector{result}, ov::ParameterVector{ids});
}

struct Compressed {
  std::shared_ptr<ov::Model> model;
  std::string weights;
  std::vector<std::pair<std::string, WrittenWeight>> written;
};

Compressed compress(const std::shared_ptr<ov::Model>& model, const CompressionOptions& options) {
  Compressed compressed;
  MemorySink sink;
  for (const PlannedWeight& planned : plan_weights(*model, options)) {
    auto written = write_weight(planned, options, sink);
    EXPECT_TRUE(written.ok()) << written.status().to_string();
    replace_weight(planned, *written);
    compressed.written.emplace_back(planned.constant->get_friendly_name(), *written);
  }
  keep_activations(*model);
  sink.bytes.resize(backend::aligned(sink.bytes.size()));
  const auto ir = backend::write_placed_ir(model, sink.bytes.size());
  EXPECT_TRUE(ir.ok()) << ir.status().to_string();
  compressed.weights = sink.bytes + ir->rest;
  ov::Tensor bytes(ov::element::u8, ov::Shape{compressed.weights.size()});
  std::memcpy(bytes.data(), compressed.weights.data(), compressed.weights.size());
  compressed.model = ov::Core().read_model(ir->text, bytes);
  return compressed;
}

const WrittenWeight& find(const Compressed& compressed, const std::string& name) {
  for (const auto& [each, written] : compressed.written) {
    if (each == name) return written;
  }
  ADD_FAILURE() << "no weight " << name;
  std::abort();
}

// Compiled as accel does: in f32.
ov::CompiledModel compile(const std::shared_ptr<ov::Model>& model) {
  static ov::Core core;
  return core.compile_model(model, "CPU", ov::hint::inference_precision(ov::element::f32));
}

std::vector<float> run(const std::shared_ptr<ov::Model>& model, const ov::Tensor& input) {
  ov::CompiledModel compiled = compile(model);
  ov::InferRequest request = compiled.create_infer_request();
  request.set_input_tensor(input);
  request.infer();
  const ov::Tensor output = request.get_output_tensor(0);
  return {output.data<float>(), output.data<float>() + output.get_size()};
}

ov::Tensor some_ids() {
  ov::Tensor ids(ov::element::i64, ov::Shape{2, 7});
  for (size_t i = 0; i < ids.get_size(); ++i) {
    ids.data<int64_t>()[i] = static_cast<int64_t>(i * 11 % 50);
  }
  return ids;
}

double relative_error(const std::vector<float>& found, const std::vector<float>& expected) {
  double difference = 0;
  double size = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    difference += std::pow(double{found[i]} - expected[i], 2);
    size += std::pow(double{expected[i]}, 2);
  }
  return std::sqrt(difference / size);
}

TEST(WeightCompression, AsStoredIsTheSameGraph) {
  const auto expected = run(words(), some_ids());
  const Compressed compressed = compress(words(), {});
  EXPECT_EQ(run(compressed.model, some_ids()), expected);
  EXPECT_EQ(compressed.model->input().get_any_name(), "ids");
  EXPECT_EQ(compressed.model->output().get_any_name(), "y");
}

TEST(WeightCompression, NarrowFloatsAreHalfAsLarge) {
  const auto expected = run(words(), some_ids());
  const uint64_t before = compress(words(), {}).weights.size();
  for (const auto& [format, error] :
       {std::pair(WeightFormat::kF16, 1e-3), std::pair(WeightFormat::kBF16, 1e-2)}) {
    const Compressed compressed = compress(words(), {.format = format});
    EXPECT_NEAR(static_cast<double>(compressed.weights.size()) / static_cast<double>(before), 0.5,
                0.02);
    EXPECT_LT(relative_error(run(compressed.model, some_ids()), expected), error);
  }
}

TEST(WeightCompression, IntegersAreSmallAndNear) {
  const auto expected = run(words(), some_ids());
  const auto before = static_cast<double>(compress(words(), {}).weights.size());
  for (const bool symmetric : {false, true}) {
    const Compressed eight =
        compress(words(), {.format = WeightFormat::kInt8, .symmetric = symmetric});
    EXPECT_LT(static_cast<double>(eight.weights.size()) / before, 0.31);
    EXPECT_LT(relative_error(run(eight.model, some_ids()), expected), 0.02);
    const Compressed four =
        compress(words(), {.format = WeightFormat::kInt4, .symmetric = symmetric, .group = 16});
    EXPECT_LT(four.weights.size(), eight.weights.size());
    EXPECT_LT(relative_error(run(four.model, some_ids()), expected), 0.2);
  }
}

TEST(WeightCompression, EmbeddingsAndLastLayersKeepEightBits) {
  const Compressed four = compress(words(), {.format = WeightFormat::kInt4});
  EXPECT_EQ(find(four, "table").format, WeightFormat::kInt8);
  EXPECT_EQ(find(four, "last").format, WeightFormat::kInt8);
  EXPECT_EQ(find(four, "up").format, WeightFormat::kInt4);
  EXPECT_EQ(find(four, "up").values.shape, (ov::Shape{96, 4, 16}));  // 128 does not fit 64
  EXPECT_EQ(find(four, "up").values.type, ov::element::u4);
  EXPECT_EQ(find(four, "up").scales->type, ov::element::f16);
  // [in, out] is turned, so that groups lie in a row of the output.
  EXPECT_EQ(find(four, "down").values.shape, (ov::Shape{64, 6, 16}));
}

TEST(WeightCompression, GroupsFitTheRow) {
  EXPECT_EQ(fitting_group(768, 128), 128);
  EXPECT_EQ(fitting_group(384, 128), 64);  // three groups of 128 are too few
  EXPECT_EQ(fitting_group(64, 128), 16);
  EXPECT_EQ(fitting_group(32, 128), 8);
  EXPECT_EQ(fitting_group(30, 128), 0);
  EXPECT_EQ(fitting_group(96, 24), 24);
}

// What the engine executes: its products take the integers themselves.
TEST(WeightCompression, TheEngineComputesWithTheIntegers) {
  for (const auto format : {WeightFormat::kInt8, WeightFormat::kInt4}) {
    const Compressed compressed = compress(words(), {.format = format});
    const auto executed = compile(compressed.model).get_runtime_model();
    int products = 0;
    for (const auto& each : executed->get_ops()) {
      const auto& info = each->get_rt_info();
      const auto layer = info.at("layerType").as<std::string>();
      if (layer != "FullyConnected") continue;
      ++products;
      const auto type = each->get_input_element_type(1);
      EXPECT_TRUE(type == ov::element::u8 || type == ov::element::u4) << type;
    }
    EXPECT_EQ(products, 3) << to_string(format);
  }
}

TEST(WeightCompression, KernelsOfConvolutionsHaveAScalePerOutput) {
  const auto image =
      std::make_shared<op::v0::Parameter>(ov::element::f32, ov::PartialShape{1, 8, 12, 12});
  const auto kernel = weight({16, 8, 3, 3}, 5);
  kernel->set_friendly_name("kernel");
  Value x = std::make_shared<op::v1::Convolution>(image, kernel, ov::Strides{1, 1},
                                                  ov::CoordinateDiff{1, 1},
                                                  ov::CoordinateDiff{1, 1}, ov::Strides{1, 1});
  const auto grouped = weight({4, 4, 4, 3, 3}, 6);
  grouped->set_friendly_name("grouped");
  x = std::make_shared<op::v1::GroupConvolution>(x, grouped, ov::Strides{1, 1},
                                                 ov::CoordinateDiff{1, 1}, ov::CoordinateDiff{1, 1},
                                                 ov::Strides{1, 1});
  const auto model = std::make_shared<ov::Model>(ov::OutputVector{x}, ov::ParameterVector{image});
  ov::Tensor pixels(ov::element::f32, ov::Shape{1, 8, 12, 12});
  for (size_t i = 0; i < pixels.get_size(); ++i) {
    pixels.data<float>()[i] = static_cast<float>(i % 17) * 0.1F - 0.8F;
  }
  const auto expected = run(model->clone(), pixels);
  const Compressed compressed = compress(model, {.format = WeightFormat::kInt8});
  EXPECT_EQ(find(compressed, "kernel").scales->shape, (ov::Shape{16, 1, 1, 1}));
  EXPECT_EQ(find(compressed, "grouped").scales->shape, (ov::Shape{4, 4, 1, 1, 1}));
  EXPECT_LT(relative_error(run(compressed.model, pixels), expected), 0.02);
}

std::shared_ptr<ov::Model> one_layer(const std::shared_ptr<op::v0::Constant>& matrix) {
  const auto x = std::make_shared<op::v0::Parameter>(ov::element::f32, ov::PartialShape{-1, 64});
  const auto y = product(x, matrix, true);
  return std::make_shared<ov::Model>(ov::OutputVector{y}, ov::ParameterVector{x});
}

TEST(WeightCompression, NumbersThatDoNotFitHalvesStayWide) {
  const auto matrix = weight({32, 64}, 1);
  auto numbers = matrix->cast_vector<float>();
  numbers[100] = 1e6F;
  const auto large = op::v0::Constant::create(ov::element::f32, {32, 64}, numbers);
  const auto halves = compress(one_layer(large), {.format = WeightFormat::kF16});
  EXPECT_EQ(halves.written[0].second.format, WeightFormat::kAsStored);
  EXPECT_EQ(halves.written[0].second.values.type, ov::element::f32);
  const auto brain = compress(one_layer(large), {.format = WeightFormat::kBF16});
  EXPECT_EQ(brain.written[0].second.values.type, ov::element::bf16);
}

TEST(WeightCompression, TinyScalesAreKeptInFloats) {
  MemorySink sink;
  const auto model = one_layer(weight({32, 64}, 1, 1e-6F));
  CompressionOptions options{.format = WeightFormat::kInt8};
  auto plan = plan_weights(*model, options);
  ASSERT_EQ(plan.size(), 1U);
  plan[0].format = WeightFormat::kInt4;
  plan[0].group = 16;
  const auto written = write_weight(plan[0], options, sink);
  ASSERT_TRUE(written.ok()) << written.status().to_string();
  EXPECT_EQ(written->scales->type, ov::element::f32);
  EXPECT_EQ(written->values.place.offset, 0U);  // the first try was taken back
}

TEST(WeightCompression, NarrowWeightsStayAsTheyAre) {
  const auto model = words();
  for (const auto& each : model->get_ordered_ops()) {
    const auto constant = ov::as_type_ptr<op::v0::Constant>(each);
    if (constant == nullptr || constant->get_element_type() != ov::element::f32) continue;
    std::vector<ov::float16> halves;
    for (const float number : constant->cast_vector<float>()) halves.emplace_back(number);
    const auto narrow = op::v0::Constant::create(ov::element::f16, constant->get_shape(), halves);
    const auto wide = std::make_shared<op::v0::Convert>(narrow, ov::element::f32);
    for (auto input : constant->output(0).get_target_inputs()) {
      input.replace_source_output(wide->output(0));
    }
  }
  const auto expected = run(model->clone(), some_ids());
  const Compressed same = compress(model->clone(), {.format = WeightFormat::kBF16});
  for (const auto& [name, written] : same.written) {
    EXPECT_EQ(written.values.type, ov::element::f16);
  }
  EXPECT_EQ(run(same.model, some_ids()), expected);
  // Integers are made of them as of wide ones.
  const Compressed eight = compress(model->clone(), {.format = WeightFormat::kInt8});
  EXPECT_EQ(eight.written.size(), 4U);
  for (const auto& [name, written] : eight.written) {
    EXPECT_EQ(written.format, WeightFormat::kInt8);
  }
  EXPECT_LT(relative_error(run(eight.model, some_ids()), expected), 0.02);
}

// As an engine widens them itself.
TEST(WeightCompression, WidenedWeightsAreTheSameNumbers) {
  const auto layer = weight({300, 200}, 9);
  const auto x = std::make_shared<op::v0::Parameter>(ov::element::f32, ov::PartialShape{-1, 200});
  const auto model = std::make_shared<ov::Model>(ov::OutputVector{product(x, layer, true)},
                                                 ov::ParameterVector{x});
  const Compressed halves = compress(model, {.format = WeightFormat::kF16});
  ov::Tensor input(ov::element::f32, ov::Shape{3, 200});
  for (size_t i = 0; i < input.get_size(); ++i) {
    input.data<float>()[i] = static_cast<float>(i % 13) * 0.25F - 1.5F;
  }
  const auto expected = run(halves.model->clone(), input);
  MemorySink sink;
  const auto written = write_widened(*halves.model, sink);
  ASSERT_TRUE(written.ok()) << written.status().to_string();
  ASSERT_EQ(written->size(), 1U);
  std::string name = (std::filesystem::temp_directory_path() / "accel-widened-XXXXXX").string();
  const int fd = ::mkstemp(name.data());
  ASSERT_TRUE(write_all(fd, sink.bytes, name).ok());
  ::close(fd);
  const auto file = MappedFile::open(name);
  std::filesystem::remove(name);
  ASSERT_TRUE(file.ok());
  use_widened(*written, *file);
  for (const auto& each : halves.model->get_ops()) {
    EXPECT_FALSE(ov::is_type<op::v0::Convert>(each));
  }
  EXPECT_EQ(run(halves.model, input), expected);
}

TEST(WeightCompression, DamagedWeightsAreRefused) {
  auto numbers = weight({32, 64}, 1)->cast_vector<float>();
  numbers[77] = std::nanf("");
  const auto model = one_layer(op::v0::Constant::create(ov::element::f32, {32, 64}, numbers));
  const CompressionOptions options{.format = WeightFormat::kInt8};
  MemorySink sink;
  const auto written = write_weight(plan_weights(*model, options)[0], options, sink);
  EXPECT_EQ(written.status().code(), StatusCode::kDataLoss);
  EXPECT_THAT(written.status().message(), HasSubstr("NaN"));
}

TEST(WeightCompression, ShapesAreFixed) {
  const auto model = words();
  EXPECT_EQ(fix_shapes(*model, 3, 0).code(), StatusCode::kInvalidArgument);
  ASSERT_TRUE(fix_shapes(*model, 3, 9).ok());
  EXPECT_EQ(model->input().get_shape(), (ov::Shape{3, 9}));
  EXPECT_EQ(model->output().get_shape(), (ov::Shape{3, 9, 40}));
  EXPECT_THAT(fix_shapes(*model, 4, 9).message(), HasSubstr("expected a batch of 3"));
}

}  // namespace
}  // namespace accel::precision
