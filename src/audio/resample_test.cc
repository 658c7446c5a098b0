#include "audio/resample.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "audio/fixtures.h"

namespace accel::audio {
namespace {

TEST(Resample, EqualsTheReference) {
  const Expected golden("golden");
  const Audio result = decoded("speech/speech_44k_stereo.wav", 16'000);
  EXPECT_EQ(result.rate, 16'000);
  EXPECT_LT(largest_difference(result.samples, golden["resample.HQ"]), 2e-6);
}

TEST(Resample, BlocksOfAnySizeGiveTheSame) {
  const Audio source = decoded("speech/speech_44k_stereo.wav");
  const Result<Audio> whole = resample(source, 16'000);
  ASSERT_TRUE(whole.ok());
  for (const size_t block : {1, 441, 5000, 100'000}) {
    Result<Resampler> resampler = Resampler::create(source.rate, 16'000);
    ASSERT_TRUE(resampler.ok());
    std::vector<float> out;
    for (size_t at = 0; at < source.samples.size(); at += block) {
      const size_t count = std::min(block, source.samples.size() - at);
      ASSERT_TRUE(resampler->push(std::span(source.samples).subspan(at, count), out).ok());
    }
    ASSERT_TRUE(resampler->finish(out).ok());
    EXPECT_EQ(out, whole->samples) << block;
  }
}

TEST(Resample, LengthIsThatOfTheReference) {
  for (const auto& [from, to] : std::vector<std::pair<int64_t, int64_t>>{{44'100, 16'000},
                                                                         {48'000, 16'000},
                                                                         {8'000, 16'000},
                                                                         {11'025, 16'000},
                                                                         {22'050, 8'000},
                                                                         {16'000, 44'100},
                                                                         {192'000, 16'000},
                                                                         {16'000, 16'000},
                                                                         {44'101, 16'000}}) {
    for (const size_t count : {0, 1, 2, 7, 100, 999, 4410}) {
      const Result<Audio> result =
          resample({.samples = std::vector<float>(count, 0.25F), .rate = from}, to);
      ASSERT_TRUE(result.ok()) << result.status().to_string();
      const double exact =
          static_cast<double>(count) * static_cast<double>(to) / static_cast<double>(from);
      EXPECT_EQ(result->samples.size(), static_cast<size_t>(std::ceil(exact - 1e-9)))
          << from << " to " << to << " of " << count;
    }
  }
}

TEST(Resample, RefusesImpossibleRates) {
  for (const auto& [from, to] : std::vector<std::pair<int64_t, int64_t>>{
           {0, 16'000}, {16'000, 0}, {-1, 16'000}, {999, 16'000}, {16'000, int64_t{1} << 40}}) {
    const Status status = resample({.samples = {0.5F}, .rate = from}, to).status();
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
    EXPECT_THAT(status.message(), testing::HasSubstr("expected 1000 to 768000 samples per second"));
  }
}

// The mean power of a sound, in decibels of full scale.
double decibels(std::span<const float> samples) {
  double sum = 0;
  for (const float each : samples) sum += double{each} * each;
  return 10 * std::log10(std::max(sum / static_cast<double>(samples.size()), 1e-30));
}

// A sweep of 44.1 kHz over what 16 kHz can hold and what it cannot.
// row 76
TEST(Resample, LeavesNoAliases) {
  constexpr int64_t kFrom = 44'100;
  constexpr double kSeconds = 4;
  Audio sweep{.rate = kFrom};
  double phase = 0;
  for (size_t i = 0; i < static_cast<size_t>(kSeconds * kFrom); ++i) {
    const double time = static_cast<double>(i) / kFrom;
    phase += 2 * M_PI * (22'000 * time / kSeconds) / kFrom;
    sweep.samples.push_back(static_cast<float>(0.7 * std::sin(phase)));
  }
  const Result<Audio> result = resample(sweep, 16'000);
  ASSERT_TRUE(result.ok());
  // At 8 kHz the sweep leaves the band; the filter's slope reaches up to it.
  const auto leaves = static_cast<size_t>(8'100.0 / 22'000 * kSeconds * 16'000);
  const std::span<const float> samples = result->samples;
  EXPECT_NEAR(decibels(samples.first(leaves / 8 * 7)), decibels(sweep.samples), 0.1);
  const double aliases = decibels(samples.subspan(leaves, samples.size() - leaves - 1000));
  EXPECT_LT(aliases, -80) << aliases;
  RecordProperty("alias_decibels", std::to_string(aliases));
}

}  // namespace
}  // namespace accel::audio
