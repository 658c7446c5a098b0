// The suite itself: what it accepts and, above all, that it does not accept what is wrong.
#include "backend/conformance.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <limits>
#include <set>

#include "backend/conformance_kit.h"
#include "backend/signature.h"

namespace accel::backend {
namespace {

using ::testing::HasSubstr;

using Answer = std::function<NamedTensors(size_t run)>;

class ScriptedSession : public Session {
 public:
  explicit ScriptedSession(Answer answer) : answer_(std::move(answer)) {}
  Status run(const NamedTensors& /*inputs*/, NamedTensors& outputs) override {
    outputs = answer_(runs_++);
    return {};
  }

 private:
  Answer answer_;
  size_t runs_ = 0;
};

class ScriptedModel : public CompiledModel {
 public:
  ScriptedModel(Answer answer, Signature signature)
      : answer_(std::move(answer)), signature_(std::move(signature)) {}
  const Signature& signature() const override { return signature_; }
  const Executed& executed() const override { return executed_; }
  Result<std::unique_ptr<Session>> create_session() const override {
    return std::unique_ptr<Session>(std::make_unique<ScriptedSession>(answer_));
  }
  Status export_to(std::ostream& out) const override {
    out << "anything";
    return {};
  }

 private:
  Answer answer_;
  Signature signature_;
  Executed executed_{.device = "ELSEWHERE", .precision = Precision::kF32};
};

// Takes every graph, device and precision, looks at no input, and answers what it is told to.
class ScriptedBackend : public Backend {
 public:
  explicit ScriptedBackend(Answer answer) : answer_(std::move(answer)) {}
  Info info() const override { return {.name = "scripted", .version = "1", .available = true}; }
  std::vector<Device> devices() const override { return {{.name = "CPU"}}; }
  Result<std::shared_ptr<const CompiledModel>> compile(
      const std::shared_ptr<const ov::Model>& model,
      const CompileOptions& /*options*/) const override {
    return std::shared_ptr<const CompiledModel>(
        std::make_shared<ScriptedModel>(answer_, signature_of(*model)));
  }
  Result<std::shared_ptr<const CompiledModel>> import_compiled(
      const Blob& /*blob*/, const CompileOptions& /*options*/) const override {
    return std::shared_ptr<const CompiledModel>(
        std::make_shared<ScriptedModel>(answer_, Signature{}));
  }

 private:
  Answer answer_;
};

Tensor zeros_like(const Tensor& tensor) { return Tensor::allocate(tensor.dtype(), tensor.shape()); }

TEST(Conformance, AcceptsTheExpectedValuesOfEveryCase) {
  for (const ConformanceCase& test : conformance_cases()) {
    const ScriptedBackend right([&test](size_t run) { return test.runs[run].expected; });
    EXPECT_EQ(run_case(right, {}, test).to_string(), "OK");
  }
}

TEST(Conformance, RefusesZerosInEveryCase) {
  for (const ConformanceCase& test : conformance_cases()) {
    const ScriptedBackend zeros([&test](size_t run) {
      NamedTensors outputs = test.runs[run].expected;
      for (NamedTensor& output : outputs) output.tensor = zeros_like(output.tensor);
      return outputs;
    });
    EXPECT_THAT(run_case(zeros, {}, test).message(), HasSubstr(test.name));
  }
}

// Otherwise an engine that keeps the shapes of its first run would pass.
TEST(Conformance, ChangesSizesWithinEveryCase) {
  std::set<std::string> names;
  for (const ConformanceCase& test : conformance_cases()) {
    EXPECT_TRUE(names.insert(test.name).second) << test.name << " occurs twice";
    ASSERT_GE(test.runs.size(), 2) << test.name;
    if (test.name == "scalars") continue;
    EXPECT_NE(test.runs[0].inputs[0].tensor.shape(), test.runs[1].inputs[0].tensor.shape())
        << test.name;
  }
  EXPECT_GE(names.size(), 40);
}

TEST(Conformance, RefusesABackendThatBreaksEveryPromise) {
  std::atomic<int> count = 0;
  const ScriptedBackend careless([&count](size_t) {
    Numbers number({1});
    number.values = {static_cast<double>(++count)};
    return NamedTensors{{"sum", as_f32(number)}, {"product", as_f32(number)}};
  });
  for (const ContractCheck& check : contract_checks()) {
    EXPECT_FALSE(check.check(careless, {}).ok()) << check.name;
  }
  const Status status = run_conformance(careless, {});
  for (const ContractCheck& check : contract_checks()) {
    EXPECT_THAT(status.message(), HasSubstr(check.name));
  }
  for (const ConformanceCase& test : conformance_cases()) {
    EXPECT_THAT(status.message(), HasSubstr(test.name + ": "));
  }
}

TEST(Compare, HoldsValuesAgainstTheTolerance) {
  Numbers one({2});
  one.values = {0.5, 100.0};
  Numbers other({2});
  other.values = {0.5009, 100.09};
  EXPECT_TRUE(compare({{"y", as_f32(other)}}, {{"y", as_f32(one)}}, 1e-3).ok());
  EXPECT_THAT(compare({{"y", as_f32(other)}}, {{"y", as_f32(one)}}, 8.9e-4).message(),
              HasSubstr("y: value 0"));
  other.values = {0.5, std::numeric_limits<double>::quiet_NaN()};
  EXPECT_THAT(compare({{"y", as_f32(other)}}, {{"y", as_f32(one)}}, 1e9).message(),
              HasSubstr("y: value 1 is nan"));
}

TEST(Compare, NeedsTheSameNamesTypesAndShapes) {
  const Numbers one = samples({2, 3}, 1);
  const NamedTensors expected{{"y", as_f32(one)}};
  EXPECT_THAT(compare({}, expected, 1).message(), HasSubstr("y is missing"));
  EXPECT_FALSE(compare({{"y", as_i64(one)}}, expected, 1).ok());
  EXPECT_FALSE(compare({{"y", as_f32(samples({3, 2}, 1))}}, expected, 1).ok());
  EXPECT_FALSE(compare({expected[0], {"z", as_f32(one)}}, expected, 1).ok());
  Numbers whole({2});
  whole.values = {7, 8};
  Numbers off({2});
  off.values = {7, 9};
  EXPECT_THAT(compare({{"y", as_i64(off)}}, {{"y", as_i64(whole)}}, 1).message(),
              HasSubstr("value 1"));
}

}  // namespace
}  // namespace accel::backend
