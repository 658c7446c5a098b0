#include "backends/reference/reference_backend.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iostream>
#include <openvino/op/add.hpp>
#include <openvino/op/assign.hpp>
#include <openvino/op/constant.hpp>
#include <openvino/op/convolution.hpp>
#include <openvino/op/gather.hpp>
#include <openvino/op/non_zero.hpp>
#include <openvino/op/read_value.hpp>
#include <openvino/op/transpose.hpp>
#include <openvino/op/util/variable.hpp>
#include <string>

#include "backend/bare_engine.h"
#include "backend/conformance.h"
#include "backend/conformance_kit.h"

namespace accel::backend {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(Reference, IsAlwaysAvailableInF32) {
  const auto backend = make_reference_backend();
  const Info info = backend->info();
  EXPECT_EQ(info.name, "reference");
  EXPECT_THAT(info.version, HasSubstr("2026."));
  EXPECT_TRUE(info.available);
  EXPECT_THAT(info.reason + info.remedy, IsEmpty());
  ASSERT_EQ(backend->devices().size(), 1);
  EXPECT_EQ(backend->devices()[0].name, "CPU");
  EXPECT_THAT(backend->devices()[0].precisions, ElementsAre(Precision::kF32));
}

TEST(Reference, Conforms) {
  const Status status = run_conformance(*make_reference_backend(), {});
  EXPECT_TRUE(status.ok()) << status.message();
  std::cout << "engine: " << BareEngine::in_use().string() << '\n';
}

// row 2 (partial: what needs no plug-in still computes; the program is tested as a whole)
TEST(Reference, ConformsWithoutAnyPlugIn) {
  const BareEngine bare;
  const BareEngine::Outcome outcome = bare.run_tests("Reference.Conforms");
  EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
  EXPECT_THAT(outcome.output, HasSubstr("engine: " + bare.path().string()));
  EXPECT_THAT(outcome.output, HasSubstr("[  PASSED  ] 1 test"));
}

TEST(Reference, RefusesOtherPrecisionsNamingF32) {
  const auto model = attention_cases().front().model;
  for (const Precision precision : {Precision::kBF16, Precision::kF16, Precision::kI8}) {
    const Status status =
        make_reference_backend()->compile(model, {.precision = precision}).status();
    EXPECT_EQ(status.code(), StatusCode::kUnimplemented);
    EXPECT_THAT(status.message(),
                AllOf(HasSubstr(std::string(to_string(precision))), HasSubstr("f32")));
  }
}

// --- refusals ----------------------------------------------------------------------------------

TEST(Reference, NamesEveryOperationThatItCannotCompute) {
  const auto x = parameter("x", ov::element::f32, {1, 1, 4, 4});
  Output y = x;
  for (const std::string name : {"first_layer", "second_layer"}) {
    y = node<ov::op::v1::Convolution>(y, constant(samples({1, 1, 1, 1}, 1)), ov::Strides{1, 1},
                                      ov::CoordinateDiff{0, 0}, ov::CoordinateDiff{0, 0},
                                      ov::Strides{1, 1}, ov::op::PadType::SAME_UPPER);
    y.get_node()->set_friendly_name(name);
  }
  const Status status = make_reference_backend()->compile(graph({x}, {{"y", y}}), {}).status();
  EXPECT_EQ(status.code(), StatusCode::kUnimplemented);
  EXPECT_THAT(status.message(),
              AllOf(HasSubstr("Convolution 'first_layer'"), HasSubstr("Convolution 'second_layer'"),
                    HasSubstr("use the openvino backend")));
}

TEST(Reference, RefusesState) {
  const auto x = parameter("x", ov::element::f32, {-1});
  const auto variable = std::make_shared<ov::op::util::Variable>(
      ov::op::util::VariableInfo{ov::PartialShape{-1}, ov::element::f32, "past"});
  const auto past = std::make_shared<ov::op::v6::ReadValue>(x, variable);
  const auto sum = std::make_shared<ov::op::v1::Add>(past, x);
  const auto kept = std::make_shared<ov::op::v6::Assign>(sum, variable);
  const auto model = std::make_shared<ov::Model>(ov::OutputVector{sum}, ov::SinkVector{kept},
                                                 ov::ParameterVector{x});
  const Status status = make_reference_backend()->compile(model, {}).status();
  EXPECT_EQ(status.code(), StatusCode::kUnimplemented);
  EXPECT_THAT(status.message(), AllOf(HasSubstr("ReadValue"), HasSubstr("Assign")));
}

// --- values and memory -------------------------------------------------------------------------

TEST(Reference, NamesTheNodeAtWhichShapesContradict) {
  const auto a = parameter("a", ov::element::f32, {-1, 4});
  const auto b = parameter("b", ov::element::f32, {-1, 4});
  const Output y = node<ov::op::v1::Add>(a, b);
  y.get_node()->set_friendly_name("where_they_meet");
  const auto model = make_reference_backend()->compile(graph({a, b}, {{"y", y}}), {});
  ASSERT_TRUE(model.ok()) << model.status().to_string();
  const auto session = (*model)->create_session();
  NamedTensors outputs;
  const Status status = (*session)->run(
      {{"a", as_f32(samples({2, 4}, 1))}, {"b", as_f32(samples({3, 4}, 1))}}, outputs);
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr("Add 'where_they_meet'"));
}

// How many rows come out is known only from the values.
TEST(Reference, ComputesShapesThatDependOnValues) {
  const auto x = parameter("x", ov::element::i64, {-1});
  const Output places = node<ov::op::v3::NonZero>(x, ov::element::i64);
  const Output y = node<ov::op::v1::Transpose>(places, integers({1, 0}));
  ConformanceCase test{.name = "non_zero", .model = graph({x}, {{"y", y}}), .epsilons = 0};
  for (const int64_t size : {7, 3}) {
    Numbers input({size});
    Numbers expected({size / 2, 1});
    for (int64_t i = 1; i < size; i += 2) {
      input.at({i}) = 5;
      expected.at({i / 2, 0}) = static_cast<double>(i);
    }
    test.runs.push_back({{{"x", as_i64(input)}}, {{"y", as_i64(expected)}}});
  }
  EXPECT_EQ(run_case(*make_reference_backend(), {}, test).to_string(), "OK");
}

// VmHWM: the most memory that this process ever held.
int64_t peak_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::stoll(line.substr(6));
  }
  return 0;
}

// Weights are views of a mapped file: neither compiling nor running may copy them.
TEST(Reference, DoesNotCopyConstants) {
  constexpr size_t kRows = 65536;
  constexpr size_t kColumns = 1024;  // 256 MiB of zeros that were never touched
  auto owner = std::shared_ptr<void>(std::calloc(kRows * kColumns, sizeof(float)), std::free);
  const auto table = std::make_shared<ov::op::v0::Constant>(
      ov::element::f32, ov::Shape{kRows, kColumns}, owner.get(), owner);
  const auto ids = parameter("ids", ov::element::i64, {-1});
  const Output y = node<ov::op::v8::Gather>(table, ids, integer(0));
  const auto model = graph({ids}, {{"y", y}});
  const int64_t before = peak_kib();
  const auto compiled = make_reference_backend()->compile(model, {});
  ASSERT_TRUE(compiled.ok()) << compiled.status().to_string();
  const auto session = (*compiled)->create_session();
  NamedTensors outputs;
  ASSERT_TRUE((*session)->run({{"ids", as_i64(Numbers({3}))}}, outputs).ok());
  EXPECT_EQ(outputs[0].tensor.shape(), (Shape{3, kColumns}));
  EXPECT_LT(peak_kib() - before, 100 * 1024);
}

}  // namespace
}  // namespace accel::backend
