// Long recordings in windows that overlap: pure.
#pragma once

#include <cstdint>
#include <vector>

namespace accel::pipelines {

// A stretch of a recording, in samples, and what of its frames counts: those of its middle, since
// at a cut the model hears nothing beyond it.
struct SpeechWindow {
  int64_t begin = 0;
  int64_t end = 0;
  int64_t first_frame = 0;  // of the window's own frames
  int64_t frames = 0;       // that count; -1: all that come
};

// Samples of a window, and by how many its neighbour on each side reaches into it. Both are whole
// frames.
struct SpeechLimits {
  int64_t window = 0;
  int64_t overlap = 0;
  int64_t samples_per_frame = 0;
};

// 30 seconds that overlap by 5, in whole frames; for frames that are longer than that, at least
// three of them that overlap by one. Both arguments are at least 1.
SpeechLimits speech_limits(int64_t samples_per_second, int64_t samples_per_frame);

// At least one window; those of more than one are `limits.window` long but for the last. Frames
// that count follow one another without a gap.
std::vector<SpeechWindow> cut_speech(int64_t samples, const SpeechLimits& limits);

}  // namespace accel::pipelines
