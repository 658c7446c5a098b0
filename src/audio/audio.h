// Sound in memory.
#pragma once

#include <cstdint>
#include <vector>

namespace accel::audio {

// One channel. A value; `rate` is samples per second, and full scale is from -1 to 1.
struct Audio {
  std::vector<float> samples;
  int64_t rate = 0;

  double seconds() const {
    return rate > 0 ? static_cast<double>(samples.size()) / static_cast<double>(rate) : 0;
  }
};

// Rates that are decoded and resampled, in Hz: from below telephony to above any studio.
inline constexpr int64_t kRateMin = 1'000;
inline constexpr int64_t kRateMax = 768'000;

// A sample beyond this, in either direction, or one that is no number is refused as damage: it is
// far above 32-bit integers, and still no sum of squares of such samples overflows.
inline constexpr float kSampleMax = 1e12F;

}  // namespace accel::audio
