#include "pipelines/audio/speech_windows.h"

#include <gtest/gtest.h>

namespace accel::pipelines {
namespace {

constexpr SpeechLimits kLimits{.window = 3000, .overlap = 500, .samples_per_frame = 10};

TEST(SpeechWindows, AShortRecordingIsOne) {
  for (const int64_t samples : {1, 2999, 3000}) {
    const auto windows = cut_speech(samples, kLimits);
    ASSERT_EQ(windows.size(), 1U) << samples;
    EXPECT_EQ(windows[0].begin, 0);
    EXPECT_EQ(windows[0].end, samples);
    EXPECT_EQ(windows[0].first_frame, 0);
    EXPECT_EQ(windows[0].frames, -1);
  }
}

TEST(SpeechWindows, FramesThatCountFollowOneAnother) {
  for (const int64_t samples : {3001, 5000, 12'345, 100'000}) {
    int64_t next = 0;  // the frame of the whole recording that is to come
    const auto windows = cut_speech(samples, kLimits);
    for (const SpeechWindow& window : windows) {
      EXPECT_EQ(window.begin / kLimits.samples_per_frame + window.first_frame, next) << samples;
      EXPECT_LE(window.end - window.begin, kLimits.window);
      next += window.frames;
    }
    EXPECT_EQ(windows.back().end, samples);
    EXPECT_EQ(windows.back().frames, -1);
    EXPECT_GT(windows.back().end - windows.back().begin, 2 * kLimits.overlap);
  }
}

TEST(SpeechWindows, AreThirtySecondsOrAFewLongFrames) {
  const SpeechLimits usual = speech_limits(16'000, 320);
  EXPECT_EQ(usual.window, 480'000);
  EXPECT_EQ(usual.overlap, 80'000);
  for (const int64_t frame : {int64_t{100'000}, int64_t{1'000'000}, int64_t{1} << 31}) {
    const SpeechLimits long_frames = speech_limits(16'000, frame);
    EXPECT_GT(long_frames.window, 2 * long_frames.overlap) << frame;
    EXPECT_LE(cut_speech(57'600'000, long_frames).size(), 1000U) << frame;
  }
}

}  // namespace
}  // namespace accel::pipelines
