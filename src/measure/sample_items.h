// Inputs for a model that nobody gave any: texts of many lengths, pictures and sounds of many
// sizes, always the same for the same seed. They are made to cost what real ones cost, not to mean
// anything.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "accel/status.h"
#include "accel/task.h"

namespace accel::measure {

// A sentence of `words` words.
std::string sample_text(size_t words, uint64_t seed);

// Texts of 4 to 200 words, short ones more often: lengths are spread evenly over their logarithm.
std::vector<std::string> sample_texts(size_t count, uint64_t seed);

// A PNG file with areas of colour and some noise.
Result<std::string> sample_picture(int width, int height, uint64_t seed);

// A WAV file, mono, 16 bits, 16 kHz: a voice-like sum of tones that come and go, and some noise.
std::string sample_sound(double seconds, uint64_t seed);

struct SampleOptions {
  size_t count = 1;
  uint64_t seed = 1;
  // What a text must hold for the task to have something to do: "[MASK]". Put at its end.
  std::string mark;
};

// Items for `task`, with every part that it needs: pictures of 320x240 to 1024x768, sounds of 1 to
// 8 s, a question's context, candidate labels, documents to rank.
Result<std::vector<TaskInput>> sample_items(const TaskReport& task, const SampleOptions& options);

}  // namespace accel::measure
