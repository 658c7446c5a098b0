// Engines that fail at every step of a load and of a run, with a fallback and without.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "accel/engine.h"
#include "backend/conformance.h"
#include "backends/faulty/faulty_backend.h"
#include "backends/reference/reference_backend.h"
#include "base/cosine.h"
#include "models/tiny_bert.h"

namespace accel::engine {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

const std::string kEmbedder = std::string(ACCEL_TEST_DATA) + "/bert-feature";
const std::string kClassifier = std::string(ACCEL_TEST_DATA) + "/golden/bert-seqcls-bin";
const std::vector<std::string> kTexts{"a text", "another one, longer", "and a third"};

TEST(FaultyBackend, ConformsWhileNoFaultStrikes) {
  const auto faults = backend::parse_faults("reference:run=fail@1000000");
  const auto faulty = backend::make_faulty_backend(backend::make_reference_backend(), *faults);
  const Status status = backend::run_conformance(*faulty, {});
  EXPECT_TRUE(status.ok()) << status.message();
}

class FallbackRunTest : public testing::Test {
 protected:
  std::shared_ptr<Model> load(const std::string& faults, bool fallback, Use use = Use::kEmbed) {
    engine_ = *Engine::create(
        {.cache_dir = cache_.path().string(), .probe = false, .simulated_faults = faults});
    LoadOptions options{.path = use == Use::kRun ? kClassifier : kEmbedder, .use = use};
    options.fallback = fallback;
    options.cache = false;
    auto model = engine_->load(options);
    load_ = model.status();
    return model.ok() ? *model : nullptr;
  }
  // What the reference backend says: the numbers are compared, not the word.
  static void expect_embeddings(const EmbedResult& result) {
    static const auto engine = *Engine::create({.probe = false});
    static const auto model = *engine->load({.path = kEmbedder, .backend = "reference"});
    const EmbedResult expected = *model->embed(kTexts);
    const auto found = result.embeddings.data<float>();
    const auto size = static_cast<size_t>(expected.embeddings.shape()[1]);
    for (size_t row = 0; row * size < found.size(); ++row) {
      EXPECT_GT(cosine_similarity(found.subspan(row * size, size),
                                  expected.embeddings.data<float>().subspan(row * size, size)),
                0.99999);
    }
  }
  static void expect_fallback(const RunReport& report, const std::string& cause) {
    EXPECT_TRUE(report.fallback);
    EXPECT_TRUE(report.simulated);
    EXPECT_EQ(report.backend, "reference");
    EXPECT_EQ(report.precision, Precision::kF32);
    EXPECT_THAT(
        report.fallback_reason,
        AllOf(StartsWith("reference on CPU instead of openvino on CPU: "), HasSubstr(cause)));
  }

  const models::ScratchFolder cache_;
  std::unique_ptr<Engine> engine_;
  Status load_;
};

struct FaultCase {
  const char* fault;
  const char* cause;
};
constexpr FaultCase kFaults[] = {
    {"compile=fail", "simulated fault openvino:compile=fail: the engine failed"},
    {"compile=throw", "simulated fault openvino:compile=throw: the engine threw an exception"},
    {"compile=unavailable", "the device has gone"},
    {"session=fail", "simulated fault openvino:session=fail: the engine failed"},
    {"session=throw", "simulated fault openvino:session=throw: the engine threw an exception"},
    {"run=fail", "simulated fault openvino:run=fail: the engine failed"},
    {"run=throw", "simulated fault openvino:run=throw: the engine threw an exception"},
    {"run=unavailable", "simulated fault openvino:run=unavailable: the device has gone"},
    {"run=nan", "numbers are NaN"},
};

// row 222
TEST_F(FallbackRunTest, EveryStepThatFailsIsAnsweredByTheReferenceWithItsNumbers) {
  for (const FaultCase& one : kFaults) {
    SCOPED_TRACE(one.fault);
    const auto model = load(std::string("openvino:") + one.fault, true);
    ASSERT_NE(model, nullptr) << load_.message();
    const auto several = model->embed(kTexts);
    ASSERT_TRUE(several.ok()) << several.status().message();
    expect_embeddings(*several);
    expect_fallback(several->report, one.cause);
    const auto single = model->embed({kTexts[0]});
    ASSERT_TRUE(single.ok()) << single.status().message();
    expect_embeddings(*single);
    expect_fallback(single->report, one.cause);
  }
}

TEST_F(FallbackRunTest, WithoutFallbackEveryStepEndsWithTheEnginesOwnWords) {
  for (const FaultCase& one : kFaults) {
    SCOPED_TRACE(one.fault);
    const auto model = load(std::string("openvino:") + one.fault, false);
    const Status status = model ? model->embed({kTexts[0]}).status() : load_;
    EXPECT_FALSE(status.ok());
    EXPECT_THAT(status.message(), AllOf(HasSubstr(one.cause), Not(HasSubstr("fallback"))));
  }
}

TEST_F(FallbackRunTest, StreamsTasksSubmissionsAndRawRunsFallBackToo) {
  {
    const auto model = load("openvino:run=fail", true);
    const auto stream = *model->embed_stream({});
    for (const std::string& text : kTexts) ASSERT_TRUE(stream->push(text).ok());
    stream->close();
    const auto result = stream->next();
    ASSERT_TRUE(result.ok() && result->has_value());
    expect_embeddings(**result);
    expect_fallback((*result)->report, "the engine failed");
    const std::vector<int64_t> ids{101, 5, 102};
    const std::vector<int64_t> mask{1, 1, 1};
    const NamedTensors inputs{{"input_ids", Tensor::from<int64_t>({1, 3}, ids)},
                              {"attention_mask", Tensor::from<int64_t>({1, 3}, mask)}};
    const auto raw = model->infer(inputs, {});
    ASSERT_TRUE(raw.ok()) << raw.status().message();
    expect_fallback(raw->report, "the engine failed");
  }
  const auto model = load("openvino:run=throw", true, Use::kRun);
  ASSERT_NE(model, nullptr) << load_.message();
  const auto one = model->run({{.text = "a text"}}, {});
  ASSERT_TRUE(one.ok() && one->items.at(0).ok());
  expect_fallback(one->report, "threw");
  const auto several = model->run({{.text = "a text"}, {.text = "a text"}}, {});
  ASSERT_TRUE(several.ok() && several->items.at(0).ok() && several->items.at(1).ok());
  expect_fallback(several->report, "threw");
  const auto pending = *model->submit({.text = "a text"}, {});
  const auto submitted = pending->get();
  ASSERT_TRUE(submitted.ok()) << submitted.status().message();
  expect_fallback(*submitted->report, "threw");
  EXPECT_GE(model->statistics().fallbacks, 3);
}

TEST_F(FallbackRunTest, OneFailedRunIsOneFallback) {
  const auto model = load("openvino:run=fail@2", true);
  std::vector<bool> fell_back;
  for (int i = 0; i < 4; ++i) fell_back.push_back(model->embed({kTexts[0]})->report.fallback);
  EXPECT_THAT(fell_back, testing::ElementsAre(false, true, false, false));
  EXPECT_EQ(model->statistics().fallbacks, 1);
}

TEST_F(FallbackRunTest, WhenTheReferenceFailsTooTheErrorTellsOfBoth) {
  const auto model = load("openvino:run=fail, reference:run=throw", true);
  const Status status = model->embed({kTexts[0]}).status();
  EXPECT_EQ(status.code(), StatusCode::kInternal);
  EXPECT_EQ(status.message(),
            "simulated fault openvino:run=fail: the engine failed; no fallback helped; reference "
            "on CPU: simulated fault reference:run=throw: the engine threw an exception");
}

TEST_F(FallbackRunTest, NothingIsMeasuredWithSimulatedFaults) {
  ASSERT_NE(load("openvino:run=fail", true), nullptr);
  EXPECT_EQ(engine_->measure(kEmbedder, "CPU", 1).status().code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(Engine::create({.simulated_faults = "cuda:run=fail"}).status().message(),
            "fault 'cuda:run=fail': expected the backend openvino or reference");
}

}  // namespace
}  // namespace accel::engine
