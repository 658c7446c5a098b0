#include "engine/tuning.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/chosen_setting.h"
#include "runtime/echo_model.h"

namespace accel::engine {
namespace {

// A setting that takes so long for one row alone and gives so many rows per second.
TimedSetting timed(Precision precision, int streams, double alone, double per_second) {
  return {.precision = precision,
          .streams = streams,
          .threads = 4,
          .batches = {{.rows = 1, .alone_seconds = alone, .busy_seconds = 1 / per_second}}};
}

TEST(Choose, TheQuickestAloneAndTheMostPerSecond) {
  const std::vector<TimedSetting> settings{timed(Precision::kF32, 4, 0.010, 100),
                                           timed(Precision::kBF16, 4, 0.006, 300),
                                           timed(Precision::kBF16, 1, 0.002, 200)};
  const Tuning tuning = choose(settings);
  EXPECT_EQ(tuning.latency.precision, Precision::kBF16);
  EXPECT_EQ(tuning.latency.streams, 1);
  EXPECT_NEAR(tuning.latency.latency_ms, 2, 1e-9);
  EXPECT_EQ(tuning.throughput.precision, Precision::kBF16);
  EXPECT_EQ(tuning.throughput.streams, 4);
  EXPECT_NEAR(tuning.throughput.items_per_sec, 300, 1e-9);
}

TEST(Choose, NoiseIsNoReasonToLeaveTheSimplerOne) {
  const std::vector<TimedSetting> settings{timed(Precision::kF32, 4, 0.0100, 100),
                                           timed(Precision::kBF16, 4, 0.0099, 102)};
  const Tuning tuning = choose(settings);
  EXPECT_EQ(tuning.latency.precision, Precision::kF32);
  EXPECT_EQ(tuning.throughput.precision, Precision::kF32);
}

TEST(Choose, SeveralStreamsUnlessOneGivesMuchMore) {
  std::vector<TimedSetting> settings{timed(Precision::kF32, 4, 0.010, 100),
                                     timed(Precision::kF32, 1, 0.010, 108)};
  EXPECT_EQ(choose(settings).throughput.streams, 4);
  settings[1] = timed(Precision::kF32, 1, 0.010, 112);
  EXPECT_EQ(choose(settings).throughput.streams, 1);
}

TEST(TimeSettings, FirstRunsThatAreSlowRuleNothingOut) {
  using std::chrono::milliseconds;
  const auto load = [](Precision precision, int streams) -> Result<TunedModel> {
    runtime::EchoOptions options{.delay = milliseconds(1)};
    if (precision == Precision::kBF16) options = {.slow_runs = 3, .slow_delay = milliseconds(40)};
    const auto model = std::make_shared<runtime::EchoModel>(options);
    return TunedModel{.pools = {std::make_shared<runtime::SessionPool>(model, streams)},
                      .limits = {.longest = 512},
                      .texts = true};
  };
  const auto settings = time_settings(
      {.precisions = {Precision::kF32, Precision::kBF16}, .threads = 1, .time = milliseconds(60)},
      load);
  ASSERT_TRUE(settings.ok()) << settings.status().to_string();
  ASSERT_EQ(settings->size(), 2U);
  EXPECT_TRUE(settings->back().eligible);
  EXPECT_EQ(choose(*settings).throughput.precision, Precision::kBF16);
}

TEST(Choose, WhatIsNotExactEnoughIsOutOfTheQuestion) {
  std::vector<TimedSetting> settings{timed(Precision::kF32, 4, 0.010, 100),
                                     timed(Precision::kF16, 4, 0.001, 900)};
  settings[1].eligible = false;
  EXPECT_EQ(choose(settings).latency.precision, Precision::kF32);
  EXPECT_EQ(choose(settings).throughput.precision, Precision::kF32);
}

TEST(Choose, BatchesAreTheMiddleOfThoseThatAreNearlyTheBest) {
  TimedSetting setting{.streams = 2, .threads = 2};
  // 8 ms and 1 ms for every token: the more at once the better, but less and less.
  for (const int64_t rows : {1, 4, 8, 16, 32, 64}) {
    const double seconds = 0.008 + 0.001 * static_cast<double>(rows * 24);
    setting.batches.push_back(
        {.rows = rows, .tokens = 24, .alone_seconds = seconds, .busy_seconds = seconds});
  }
  const auto sizes = [&] { return choose({&setting, 1}).sizes.at(Precision::kF32); };
  EXPECT_EQ(sizes().max_tokens, 16 * 24) << "of 8, 16, 32 and 64 rows";
  EXPECT_EQ(sizes().max_rows, 0);
  EXPECT_NEAR(sizes().overhead_tokens, 8, 1e-6);
  // Noise of a large batch does not look like a cost that small ones have.
  setting.batches.back().busy_seconds *= 1.1;
  EXPECT_NEAR(sizes().overhead_tokens, 8, 2);
  setting.batches = {{.rows = 1, .busy_seconds = 0.1}, {.rows = 2, .busy_seconds = 0.15}};
  EXPECT_EQ(sizes().max_rows, 2);
}

TEST(Choose, EachPrecisionHasBatchesOfItsOwn) {
  const auto of = [](Precision precision, double one, double two) {
    return TimedSetting{
        .precision = precision,
        .streams = 2,
        .threads = 2,
        .batches = {{.rows = 1, .tokens = 24, .alone_seconds = one, .busy_seconds = one},
                    {.rows = 2, .tokens = 24, .alone_seconds = two, .busy_seconds = two}}};
  };
  const std::vector<TimedSetting> settings{of(Precision::kF32, 0.010, 0.020),
                                           of(Precision::kBF16, 0.009, 0.010)};
  const Tuning tuning = choose(settings);
  EXPECT_EQ(tuning.sizes.at(Precision::kF32).max_tokens, 24);
  EXPECT_EQ(tuning.sizes.at(Precision::kBF16).max_tokens, 48);
}

TEST(TuningJson, IsReadBackAndNothingElseIs) {
  Tuning tuning;
  tuning.latency = {.precision = Precision::kBF16, .streams = 1, .threads = 2, .latency_ms = 1.5};
  tuning.throughput = {.streams = 2, .threads = 2, .items_per_sec = 300};
  tuning.sizes[Precision::kBF16] = {.max_tokens = 384, .overhead_tokens = 12.5};
  tuning.paths = {.local = {.seconds_per_item = 0.5}, .accelerated = {.load_seconds = 2}};
  const Json value = to_json(tuning);
  const auto again = tuning_from_json(value);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->latency.precision, Precision::kBF16);
  EXPECT_EQ(again->throughput.items_per_sec, 300);
  EXPECT_EQ(again->sizes.at(Precision::kBF16).max_tokens, 384);
  EXPECT_EQ(again->sizes.at(Precision::kBF16).overhead_tokens, 12.5);
  ASSERT_TRUE(again->paths);
  EXPECT_EQ(again->paths->local.seconds_per_item, 0.5);
  EXPECT_EQ(again->paths->accelerated.load_seconds, 2);
  for (const char* spoil :
       {R"({"latency": 1})", R"({"batches": {"bf16": {"tokens": -1}}})",
        R"({"batches": {"auto": {}}})", R"({"paths": {"local": 3}})",
        R"({"latency": {"precision": "f33"}})", R"({"throughput": {"streams": 0}})"}) {
    Json spoilt = value;
    spoilt.merge_patch(Json::parse(spoil));
    EXPECT_FALSE(tuning_from_json(spoilt)) << spoil;
  }
  EXPECT_FALSE(tuning_from_json(Json::array()));
}

class ChosenSettingTest : public testing::Test {
 protected:
  ChosenSettingTest() {
    measured_.latency = {.precision = Precision::kF16, .streams = 1, .threads = 4};
    measured_.throughput = {.precision = Precision::kBF16, .streams = 4, .threads = 4};
    measured_.sizes[Precision::kBF16] = {.max_tokens = 768};
  }
  static std::string told_of(const ChosenSetting& one) {
    return std::string(to_string(one.precision)) + " " + one.precision_source + ", " +
           std::to_string(one.streams) + "/" + std::to_string(one.threads) + " " +
           one.streams_source;
  }
  static std::string chosen(const LoadOptions& options, const std::optional<Tuning>& tuning,
                            const std::string& backend = "openvino") {
    return told_of(chosen_setting(options, {backend, "CPU", options.precision}, tuning, 4));
  }
  Tuning measured_;
};

TEST_F(ChosenSettingTest, WithoutAMeasurementEachThreadHasAStream) {
  EXPECT_EQ(chosen({}, {}), "f32 unmeasured, 4/4 default");
  EXPECT_EQ(chosen({.hint = Hint::kLatency}, {}), "f32 unmeasured, 1/4 hint");
  EXPECT_EQ(chosen({.hint = Hint::kThroughput, .threads = 2}, {}), "f32 unmeasured, 2/2 default");
}

// row 97 (partial: what is chosen; how much the two differ is for a bench)
TEST_F(ChosenSettingTest, WhatWasMeasuredIsTakenForItsHint) {
  EXPECT_EQ(chosen({}, measured_), "bf16 measured, 4/4 measured");
  EXPECT_EQ(chosen({.hint = Hint::kLatency}, measured_), "f16 measured, 1/4 measured");
  EXPECT_EQ(chosen_setting({}, {"openvino", "CPU"}, measured_, 4).sizes.max_tokens, 768);
}

TEST_F(ChosenSettingTest, WhatIsAskedForHolds) {
  EXPECT_EQ(chosen({.precision = Precision::kF32, .streams = 2, .threads = 2}, measured_),
            "f32 requested, 2/2 requested");
  EXPECT_EQ(chosen({.precision = Precision::kF32}, measured_), "f32 requested, 4/4 default")
      << "it was measured in another precision";
  EXPECT_EQ(chosen({.threads = 2}, measured_), "bf16 measured, 2/2 default")
      << "it was measured with other threads";
  EXPECT_EQ(chosen({}, {}, "reference"), "f32 requested, 4/4 default");
}

TEST_F(ChosenSettingTest, BatchesAreAsLargeAsIsAskedForMeasuredOrNot) {
  const runtime::Candidate candidate{.backend = "openvino", .precision = Precision::kAuto};
  const auto tokens = [&](const LoadOptions& options, const std::optional<Tuning>& tuning) {
    return chosen_setting(options, candidate, tuning, 4).sizes.max_tokens;
  };
  measured_.sizes[Precision::kBF16].max_tokens = 384;
  EXPECT_EQ(tokens({}, measured_), 384);
  EXPECT_EQ(tokens({.batch_tokens = 96}, measured_), 96);
  EXPECT_EQ(tokens({.batch_tokens = 96}, std::nullopt), 96);
  const auto rows = [&](const LoadOptions& options) {
    return chosen_setting(options, candidate, measured_, 4).sizes.max_rows;
  };
  EXPECT_NE(rows({}), 7);
  EXPECT_EQ(rows({.batch_rows = 7}), 7);
}

}  // namespace
}  // namespace accel::engine
