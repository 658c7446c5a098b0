#include "pipelines/audio/speech_windows.h"

#include <algorithm>

namespace accel::pipelines {

SpeechLimits speech_limits(int64_t samples_per_second, int64_t samples_per_frame) {
  constexpr int64_t kWindowSeconds = 30;
  constexpr int64_t kOverlapSeconds = 5;
  const int64_t window =
      std::max<int64_t>(kWindowSeconds * samples_per_second / samples_per_frame, 3);
  const int64_t overlap =
      std::max<int64_t>(kOverlapSeconds * samples_per_second / samples_per_frame, 1);
  return {.window = window * samples_per_frame,
          .overlap = overlap * samples_per_frame,
          .samples_per_frame = samples_per_frame};
}

std::vector<SpeechWindow> cut_speech(int64_t samples, const SpeechLimits& limits) {
  std::vector<SpeechWindow> windows;
  const int64_t step = limits.window - 2 * limits.overlap;
  for (int64_t begin = 0;; begin += step) {
    const int64_t end = std::min(begin + limits.window, samples);
    const int64_t first = begin == 0 ? 0 : limits.overlap / limits.samples_per_frame;
    const bool last = end == samples;
    const int64_t until = (limits.window - limits.overlap) / limits.samples_per_frame;
    windows.push_back({begin, end, first, last ? -1 : until - first});
    if (last) return windows;
  }
}

}  // namespace accel::pipelines
