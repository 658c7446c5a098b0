#include "backends/openvino/openvino_backend.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iostream>
#include <limits>
#include <openvino/op/matmul.hpp>
#include <openvino/op/negative.hpp>
#include <openvino/op/subtract.hpp>
#include <sstream>

#include "backend/bare_engine.h"
#include "backend/conformance.h"
#include "backend/conformance_kit.h"

namespace accel::backend {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// A matrix product of numbers that bf16 and f16 can only round.
ConformanceCase uneven_product() {
  constexpr int64_t kSize = 32;
  Numbers weight({kSize, kSize});
  Numbers input({1, kSize});
  for (int64_t i = 0; i < kSize; ++i) {
    input.at({0, i}) = 1.0 / static_cast<double>(i + 3);
    for (int64_t k = 0; k < kSize; ++k) weight.at({i, k}) = 1.0 / static_cast<double>(i + k + 1);
  }
  Numbers expected({1, kSize});
  for (int64_t i = 0; i < kSize; ++i) {
    for (int64_t k = 0; k < kSize; ++k) {
      expected.at({0, i}) += input.at({0, k}) * weight.at({i, k});
    }
  }
  const auto x = parameter("x", ov::element::f32, {-1, kSize});
  const Output y = node<ov::op::v0::MatMul>(x, constant(weight), false, true);
  return {.name = "uneven_product",
          .model = graph({x}, {{"y", y}}),
          .runs = {{{{"x", as_f32(input)}}, {{"y", as_f32(expected)}}}},
          .epsilons = 4};
}

TEST(OpenVino, IsAvailable) {
  const Info info = make_openvino_backend()->info();
  EXPECT_EQ(info.name, "openvino");
  EXPECT_THAT(info.version, HasSubstr("2026."));
  EXPECT_TRUE(info.available) << info.reason;
  EXPECT_THAT(info.reason + info.remedy, IsEmpty());
}

// row 16 (partial: the CPU; other devices are not on the build machine)
TEST(OpenVino, ConformsOnEveryDeviceInEveryPrecisionThatItOffers) {
  const auto backend = make_openvino_backend();
  const std::vector<Device> devices = backend->devices();
  ASSERT_THAT(devices, Contains(::testing::Field(&Device::name, "CPU")));
  for (const Device& device : devices) {
    EXPECT_THAT(device.full_name, Not(IsEmpty()));
    EXPECT_THAT(device.precisions, Contains(Precision::kF32));
    for (const Precision precision : device.precisions) {
      const Status status =
          run_conformance(*backend, {.device = device.name, .precision = precision});
      EXPECT_TRUE(status.ok()) << status.message();
    }
    const Status bare = run_conformance(*backend, {.device = device.name, .own_kernels = false});
    EXPECT_TRUE(bare.ok()) << bare.message();
  }
}

TEST(OpenVino, ModelsOnAccelsOwnKernelsAreNotExported) {
  const auto backend = make_openvino_backend();
  int refused = 0;
  for (const ConformanceCase& test : attention_cases()) {
    const auto model = backend->compile(test.model, {});
    ASSERT_TRUE(model.ok()) << model.status().to_string();
    std::ostringstream out;
    const Status status = (*model)->export_to(out);
    if ((*model)->executed().kernels == "engine") {
      EXPECT_TRUE(status.ok()) << status.to_string();
    } else {
      EXPECT_EQ(status.code(), StatusCode::kUnimplemented);
      EXPECT_THAT(status.message(), HasSubstr((*model)->executed().kernels));
      EXPECT_THAT(out.str(), IsEmpty());
      ++refused;
    }
  }
  if (refused == 0) GTEST_SKIP() << "accel has no kernels of its own for this processor";
}

// The engine computes f64 in f32 and makes infinities the largest finite number on the way.
TEST(OpenVino, TakesAndGivesF64AsF32HasIt) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  constexpr double kMost = std::numeric_limits<float>::max();
  const auto x = parameter("x", ov::element::f64, {-1});
  const auto y = node<ov::op::v1::Subtract>(node<ov::op::v0::Negative>(x), x);
  const auto backend = make_openvino_backend();
  const auto compiled = backend->compile(graph({x}, {{"y", y}}), {});
  ASSERT_TRUE(compiled.ok()) << compiled.status().to_string();
  EXPECT_EQ((*compiled)->signature().inputs[0].dtype, DType::kF64);
  const auto session = (*compiled)->create_session();
  ASSERT_TRUE(session.ok()) << session.status().to_string();
  const auto run = [&](const std::vector<double>& values, NamedTensors& outputs) {
    const Shape shape{static_cast<int64_t>(values.size())};
    return (*session)->run({{"x", Tensor::from<double>(shape, values)}}, outputs);
  };
  NamedTensors outputs;
  const std::vector<double> given{1.5, kInfinity, -kInfinity, kMost / 2};
  ASSERT_EQ(run(given, outputs).to_string(), "OK");
  EXPECT_THAT(outputs[0].tensor.data<double>(),
              ::testing::ElementsAre(-3.0, -kInfinity, kInfinity, -kMost));
  const Status beyond = run({1.0, 1e300}, outputs);
  EXPECT_EQ(beyond.code(), StatusCode::kOutOfRange);
  EXPECT_THAT(beyond.message(), HasSubstr("input x has 1 numbers beyond"));
}

// Left to itself the engine chooses bf16 on some machines.
TEST(OpenVino, RunsF32WhenAskedForF32) {
  const auto backend = make_openvino_backend();
  const ConformanceCase test = uneven_product();
  EXPECT_EQ(run_case(*backend, {.precision = Precision::kF32}, test).to_string(), "OK");
  const std::vector<Device> devices = backend->devices();
  for (const Precision precision : devices.at(0).precisions) {
    const auto compiled = backend->compile(test.model, {.precision = precision});
    ASSERT_TRUE(compiled.ok()) << compiled.status().to_string();
    EXPECT_EQ((*compiled)->executed().precision, precision);
    const auto session = (*compiled)->create_session();
    ASSERT_TRUE(session.ok()) << session.status().to_string();
    NamedTensors outputs;
    ASSERT_TRUE((*session)->run(test.runs[0].inputs, outputs).ok());
    // Only f32 holds f32's tolerance, so the first check above can tell.
    const Status as_fine_as_f32 =
        compare(outputs, test.runs[0].expected, test.epsilons * epsilon(Precision::kF32));
    EXPECT_EQ(as_fine_as_f32.ok(), precision == Precision::kF32) << to_string(precision);
  }
}

TEST(OpenVino, ReadsStreamsAndThreadsBack) {
  const auto backend = make_openvino_backend();
  const ConformanceCase test = uneven_product();
  const auto compiled = backend->compile(test.model, {.streams = 2, .threads = 2});
  ASSERT_TRUE(compiled.ok()) << compiled.status().to_string();
  EXPECT_EQ((*compiled)->executed().streams, 2);
  EXPECT_EQ((*compiled)->executed().threads, 2);
  const auto one = backend->compile(test.model, {.streams = 1, .threads = 1});
  ASSERT_TRUE(one.ok()) << one.status().to_string();
  EXPECT_EQ((*one)->executed().streams, 1);
  EXPECT_EQ((*one)->executed().threads, 1);
}

// --- with the plug-ins hidden ------------------------------------------------------------------

// Run by the two tests below in a process whose engine has no CPU plug-in that can be loaded.
TEST(OpenVinoBare, DISABLED_SaysWhy) {
  const auto backend = make_openvino_backend();
  const Info info = backend->info();
  EXPECT_FALSE(info.available);
  EXPECT_THAT(info.version, HasSubstr("2026."));
  EXPECT_THAT(info.reason, HasSubstr("CPU"));
  EXPECT_THAT(info.remedy, HasSubstr("./dev setup"));
  EXPECT_THAT(backend->devices(), IsEmpty());
  for (const std::string device : {"CPU", "GPU"}) {
    const Status status = backend->compile(uneven_product().model, {.device = device}).status();
    EXPECT_EQ(status.code(), StatusCode::kUnavailable);
    EXPECT_THAT(status.message(), AllOf(HasSubstr(info.reason), HasSubstr(info.remedy)));
  }
  std::cout << "engine: " << BareEngine::in_use().string() << "\nreason: " << info.reason << '\n';
}

// row 2 (partial: the backend; the program is tested as a whole)
// row 305 (partial: likewise)
TEST(OpenVino, AnswersUnavailableWithoutItsPlugIn) {
  const BareEngine bare;
  const BareEngine::Outcome outcome = bare.run_tests("OpenVinoBare.DISABLED_SaysWhy");
  EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
  EXPECT_THAT(outcome.output, HasSubstr("engine: " + bare.path().string()));
  EXPECT_THAT(outcome.output, HasSubstr("[  PASSED  ] 1 test"));
}

// row 315 (partial: the backend; the program is tested as a whole)
TEST(OpenVino, RepeatsTheLoadersMessage) {
  const BareEngine bare;
  const std::filesystem::path plugin = bare.path() / "libopenvino_intel_cpu_plugin.so";
  std::ofstream(plugin) << "no library";
  const BareEngine::Outcome outcome = bare.run_tests("OpenVinoBare.DISABLED_SaysWhy");
  EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
  EXPECT_THAT(outcome.output, HasSubstr(plugin.string() + ": file too short"));
}

}  // namespace
}  // namespace accel::backend
