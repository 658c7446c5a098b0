// The same graph on accel's kernels and on the engine's.
#include "backends/openvino/own_kernels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <openvino/op/add.hpp>
#include <openvino/op/gelu.hpp>
#include <openvino/op/matmul.hpp>
#include <openvino/op/multiply.hpp>
#include <openvino/op/mvn.hpp>
#include <openvino/op/relu.hpp>
#include <openvino/op/reshape.hpp>
#include <openvino/op/scaled_dot_product_attention.hpp>
#include <openvino/op/transpose.hpp>
#include <set>

#include "backend/conformance_kit.h"
#include "backends/openvino/engine_threads.h"
#include "backends/openvino/openvino_backend.h"
#include "kernels/tables.h"

namespace accel::backend {
namespace {

using ::testing::Contains;
using ::testing::Not;

constexpr int64_t kHidden = 64;
constexpr int64_t kHeads = 2;
constexpr double kTolerance = 2e-5;

std::set<std::string> operations(const ov::Model& model) {
  std::set<std::string> names;
  for (const auto& op : model.get_ops()) names.insert(op->get_type_name());
  return names;
}

Output add(const Output& a, const Output& b) { return node<ov::op::v1::Add>(a, b); }

Output dense(const Output& x, int64_t in, int64_t out, uint32_t seed) {
  const Output product =
      node<ov::op::v0::MatMul>(x, constant(samples({out, in}, seed)), false, true);
  return add(product, constant(samples({out}, seed + 1)));
}

Output norm(const Output& x, uint32_t seed) {
  const Output unit =
      node<ov::op::v6::MVN>(x, integers({-1}), true, 1e-5F, ov::op::MVNEpsMode::INSIDE_SQRT);
  const Output scaled = node<ov::op::v1::Multiply>(unit, constant(samples({kHidden}, seed)));
  return add(scaled, constant(samples({kHidden}, seed + 1)));
}

Output heads(const Output& x) {
  const Output split =
      node<ov::op::v1::Reshape>(x, integers({0, 0, kHeads, kHidden / kHeads}), true);
  return node<ov::op::v1::Transpose>(split, integers({0, 2, 1, 3}));
}

// A post-norm encoder layer: [B, L, kHidden] and a mask -> [B, L, kHidden].
std::shared_ptr<const ov::Model> encoder_layer(const ov::PartialShape& mask_shape) {
  const auto x = parameter("x", ov::element::f32, {-1, -1, kHidden});
  const auto mask = parameter("mask", ov::element::f32, mask_shape);
  const Output mixed = node<ov::op::v13::ScaledDotProductAttention>(
      heads(dense(x, kHidden, kHidden, 1)), heads(dense(x, kHidden, kHidden, 3)),
      heads(dense(x, kHidden, kHidden, 5)), mask, false);
  const Output merged = node<ov::op::v1::Reshape>(
      node<ov::op::v1::Transpose>(mixed, integers({0, 2, 1, 3})), integers({0, 0, kHidden}), true);
  const Output first = norm(add(dense(merged, kHidden, kHidden, 7), x), 9);
  const Output wide = node<ov::op::v7::Gelu>(dense(first, kHidden, 4 * kHidden, 11));
  return graph({x, mask}, {{"y", norm(add(first, dense(wide, 4 * kHidden, kHidden, 13)), 15)}});
}

NamedTensors answers_of(const CompiledModel& compiled, const NamedTensors& inputs) {
  const auto session = compiled.create_session();
  NamedTensors outputs;
  const Status ran = (*session)->run(inputs, outputs);
  EXPECT_TRUE(ran.ok()) << ran.to_string();
  NamedTensors copies;
  for (const NamedTensor& output : outputs) {
    Tensor copy = Tensor::allocate(output.tensor.dtype(), output.tensor.shape());
    std::ranges::copy(output.tensor.bytes(), copy.mutable_data());
    copies.push_back({output.name, copy});
  }
  return copies;
}

// Runs on both kinds of kernels and compares.
void expect_alike(const std::shared_ptr<const ov::Model>& model, const NamedTensors& inputs) {
  const auto backend = make_openvino_backend();
  NamedTensors answers[2];
  for (const bool own : {false, true}) {
    const auto compiled = backend->compile(model, {.threads = 2, .own_kernels = own});
    ASSERT_TRUE(compiled.ok()) << compiled.status().to_string();
    EXPECT_EQ((*compiled)->executed().kernels == "engine", !own);
    answers[own ? 1 : 0] = answers_of(**compiled, inputs);
  }
  EXPECT_EQ(compare(answers[1], answers[0], kTolerance).to_string(), "OK");
}

class OwnKernelsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (kernels::best_kernels(kernels::Operand::kF32) == nullptr) {
      GTEST_SKIP() << "this processor has no instructions of our kernels";
    }
    table_ = kernels::best_kernels(kernels::Operand::kF32);
  }
  const kernels::KernelTable* table_ = nullptr;
};

TEST_F(OwnKernelsTest, TakeAWholeEncoderLayer) {
  const auto model = encoder_layer({-1, 1, 1, -1});
  const OwnKernels moved = move_to_own_kernels(model, *table_, {.threads = {.all = 2}});
  EXPECT_EQ(moved.dense, 6);
  EXPECT_EQ(moved.attention, 1);
  EXPECT_EQ(moved.name, std::string("accel-") + table_->name);
  EXPECT_THAT(operations(*moved.model), Not(Contains("MatMul")));
  EXPECT_THAT(operations(*moved.model), Not(Contains("MVN")));
  EXPECT_THAT(operations(*moved.model), Not(Contains("Gelu")));
  EXPECT_THAT(operations(*moved.model), Not(Contains("Transpose")));
  EXPECT_THAT(operations(*model), Contains("MatMul")) << "the caller's graph was changed";
  for (const int64_t tokens : {1, 9, 40}) {
    expect_alike(model, {{"x", as_f32(samples({3, tokens, kHidden}, 20))},
                         {"mask", as_f32(samples({3, 1, 1, tokens}, 21))}});
  }
}

const LayerReport* program_in(const LayersReport& report) {
  const auto it = std::ranges::find(report.layers, "Program", &LayerReport::type);
  return it == report.layers.end() ? nullptr : &*it;
}

TEST_F(OwnKernelsTest, TellTheStepsOfAProgramAndTimeThemWhenAsked) {
  const auto model = encoder_layer({-1, 1, 1, -1});
  const auto backend = make_openvino_backend();
  for (const bool profile : {false, true}) {
    const auto compiled = backend->compile(model, {.threads = 2, .profile = profile});
    ASSERT_TRUE(compiled.ok()) << compiled.status().to_string();
    const auto session = (*compiled)->create_session();
    NamedTensors outputs;
    for (int i = 0; i < 3; ++i) {
      ASSERT_TRUE((*session)
                      ->run({{"x", as_f32(samples({3, 40, kHidden}, 20))},
                             {"mask", as_f32(samples({3, 1, 1, 40}, 21))}},
                            outputs)
                      .ok());
    }
    const auto report = (*compiled)->layers();
    ASSERT_TRUE(report.ok()) << report.status().to_string();
    EXPECT_EQ(report->runs, profile ? 3 : 0);
    EXPECT_EQ(report->seconds > 0, profile);
    const LayerReport* program = program_in(*report);
    ASSERT_NE(program, nullptr);
    ASSERT_EQ(program->steps.size(), 7);
    EXPECT_THAT(program->steps[4].fused,
                ::testing::ElementsAre("MatMul", "Bias", "Residual", "LayerNorm"));
    EXPECT_THAT(program->steps[5].fused, ::testing::ElementsAre("MatMul", "Bias", "GELU"));
    EXPECT_EQ(program->steps[3].type, "Attention of 2 heads");
    for (const LayerReport& step : program->steps) EXPECT_EQ(step.seconds > 0, profile);
  }
}

int count_of(const ov::Model& model, const std::string& name) {
  return static_cast<int>(std::ranges::count_if(
      model.get_ops(), [&](const auto& op) { return name == op->get_type_name(); }));
}

// Layers behind one another are one program, though results between them are read outside.
TEST_F(OwnKernelsTest, GatherWhatReadsEachOther) {
  const auto x = parameter("x", ov::element::f32, {-1, -1, kHidden});
  const Output first = norm(add(dense(x, kHidden, kHidden, 1), x), 3);
  const Output second = norm(add(dense(first, kHidden, kHidden, 5), first), 7);
  const auto model = graph({x}, {{"first", first}, {"second", second}});
  const OwnKernels moved = move_to_own_kernels(model, *table_, {.threads = {.all = 2}});
  EXPECT_EQ(moved.dense, 2);
  EXPECT_EQ(count_of(*moved.model, "Program"), 1);
  expect_alike(model, {{"x", as_f32(samples({2, 5, kHidden}, 20))}});
}

// What the engine does between two layers ends one program and begins another; a layer that does
// not need it stays in the first.
TEST_F(OwnKernelsTest, LetTheEngineWorkBetweenPrograms) {
  const auto x = parameter("x", ov::element::f32, {-1, -1, kHidden});
  const Output first = dense(x, kHidden, kHidden, 1);
  const Output doubled = node<ov::op::v1::Multiply>(first, first);
  const Output second = dense(doubled, kHidden, kHidden, 3);
  const Output beside = dense(first, kHidden, 32, 5);
  const auto model = graph({x}, {{"second", second}, {"beside", beside}});
  const OwnKernels moved = move_to_own_kernels(model, *table_, {.threads = {.all = 2}});
  EXPECT_EQ(moved.dense, 3);
  EXPECT_EQ(count_of(*moved.model, "Program"), 2);
  expect_alike(model, {{"x", as_f32(samples({2, 5, kHidden}, 20))}});
}

TEST_F(OwnKernelsTest, TakeMasksOfEveryShape) {
  const auto model = encoder_layer({-1, -1, -1, -1});
  const auto x = as_f32(samples({2, 7, kHidden}, 20));
  for (const Shape& shape : {Shape{1, 1, 7, 7}, Shape{2, kHeads, 7, 7}, Shape{1, kHeads, 1, 7},
                             Shape{2, 1, 7, 1}, Shape{1, 1, 1, 1}}) {
    expect_alike(model, {{"x", x}, {"mask", as_f32(samples(shape, 22))}});
  }
}

// An addition whose sides may broadcast stays an addition.
TEST_F(OwnKernelsTest, LeaveAdditionsOfUnknownShapes) {
  const auto x = parameter("x", ov::element::f32, {-1, -1, kHidden});
  const auto other = parameter("other", ov::element::f32, {-1, -1, kHidden});
  const auto model = graph({x, other}, {{"y", norm(add(dense(x, kHidden, kHidden, 1), other), 3)}});
  EXPECT_EQ(move_to_own_kernels(model, *table_, {.threads = {.all = 2}}).dense, 1);
  expect_alike(model, {{"x", as_f32(samples({1, 5, kHidden}, 4))},
                       {"other", as_f32(samples({3, 5, kHidden}, 5))}});
}

// What is read twice must stay to be read.
TEST_F(OwnKernelsTest, KeepValuesThatOthersRead) {
  const auto x = parameter("x", ov::element::f32, {-1, kHidden});
  const Output product =
      node<ov::op::v0::MatMul>(x, constant(samples({8, kHidden}, 1)), false, true);
  const Output biased = add(product, constant(samples({8}, 2)));
  const Output active = node<ov::op::v0::Relu>(biased);
  const auto model = graph({x}, {{"product", product}, {"biased", biased}, {"active", active}});
  expect_alike(model, {{"x", as_f32(samples({5, kHidden}, 3))}});
}

TEST_F(OwnKernelsTest, TakeNothingElse) {
  const auto x = parameter("x", ov::element::f32, {-1, kHidden});
  const Output by_itself = node<ov::op::v0::MatMul>(x, x, false, true);
  const Output untransposed =
      node<ov::op::v0::MatMul>(x, constant(samples({kHidden, 8}, 1)), false, false);
  const auto model = graph({x}, {{"by_itself", by_itself}, {"untransposed", untransposed}});
  const OwnKernels moved = move_to_own_kernels(model, *table_, {.threads = {.all = 2}});
  EXPECT_EQ(moved.dense + moved.attention, 0);
  EXPECT_EQ(moved.name, "engine");
  EXPECT_EQ(moved.model, model);
}

TEST_F(OwnKernelsTest, LeaveAttentionAlone) {
  const auto x = parameter("x", ov::element::f32, {-1, -1, kHidden});
  const auto mask = parameter("mask", ov::element::f32, {-1, 1, 1, -1});
  const Output mixed =
      node<ov::op::v13::ScaledDotProductAttention>(heads(x), heads(x), heads(x), mask, false);
  const Output merged = node<ov::op::v1::Reshape>(
      node<ov::op::v1::Transpose>(mixed, integers({0, 2, 1, 3})), integers({0, 0, kHidden}), true);
  const auto model = graph({x, mask}, {{"y", merged}});
  const OwnKernels moved = move_to_own_kernels(model, *table_, {.threads = {.all = 2}});
  EXPECT_EQ(moved.attention, 0);
  EXPECT_EQ(moved.name, "engine");
  EXPECT_EQ(moved.model, model);
}

// Whatever computes it, bf16 says bf16, and the answers are near those of f32.
TEST_F(OwnKernelsTest, Bf16RunsOnPairsWhereTheProcessorMultipliesThemWithoutTiles) {
  const auto backend = make_openvino_backend();
  if (!backend->check({.precision = Precision::kBF16}).ok()) GTEST_SKIP() << "no bf16 here";
  const auto model = encoder_layer({1, 1, 1, -1});
  const NamedTensors inputs{{"x", as_f32(samples({2, 9, kHidden}, 21))},
                            {"mask", as_f32(samples({1, 1, 1, 9}, 22))}};
  const auto exact = backend->compile(model, {.threads = 2});
  const auto compiled = backend->compile(model, {.precision = Precision::kBF16, .threads = 2});
  ASSERT_TRUE(exact.ok() && compiled.ok()) << compiled.status().to_string();
  const NamedTensors expected = answers_of(**exact, inputs);
  const NamedTensors found = answers_of(**compiled, inputs);
  EXPECT_EQ(compare(found, expected, 0.1).to_string(), "OK");
  EXPECT_NE(compare(found, expected, kTolerance).to_string(), "OK");
  EXPECT_EQ((*compiled)->executed().precision, Precision::kBF16);
  const kernels::KernelTable* pairs = kernels::best_kernels(kernels::Operand::kBF16Pair);
  EXPECT_EQ((*compiled)->executed().kernels,
            pairs == nullptr ? "engine" : std::string("accel-") + pairs->name);
  if (pairs == nullptr) return;
  const auto layers = (*compiled)->layers();
  ASSERT_TRUE(layers.ok()) << layers.status().to_string();
  for (const LayerReport& layer : layers->layers) {
    for (const LayerReport& step : layer.steps) {
      EXPECT_EQ(step.precision, "bf16") << step.name;
    }
  }
}

}  // namespace
}  // namespace accel::backend
