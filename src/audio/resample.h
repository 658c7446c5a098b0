// Another rate for the same sound, as the reference does it (librosa, datasets: soxr's HQ).
//
// The filter is of linear phase and its delay is taken out: sample 0 stays at time 0. What lies
// above half the lower rate is at least 120 dB down. The result has ceil(count * to / from)
// samples, as librosa's, the last one zero where soxr gives one fewer.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "accel/status.h"
#include "audio/audio.h"

struct soxr;

namespace accel::audio {

// A stream of blocks; the blocks' sizes do not change the result. One owner, one thread; finish()
// once, and nothing after it. Equal rates copy.
class Resampler {
 public:
  // INVALID_ARGUMENT unless both are from kRateMin to kRateMax.
  static Result<Resampler> create(int64_t from, int64_t to);

  // Takes `samples` and appends to `out` what is ready; soxr holds back some hundred samples.
  Status push(std::span<const float> samples, std::vector<float>& out);

  // Appends the rest.
  Status finish(std::vector<float>& out);

  // Samples that all of `count` become.
  uint64_t result_count(uint64_t count) const;

 private:
  struct Free {
    void operator()(soxr* handle) const;
  };
  Resampler(int64_t from, int64_t to, soxr* handle) : from_(from), to_(to), handle_(handle) {}
  Status process(std::span<const float> samples, bool last, std::vector<float>& out);

  int64_t from_;
  int64_t to_;
  std::unique_ptr<soxr, Free> handle_;  // null: equal rates
  uint64_t taken_ = 0;
  uint64_t given_ = 0;
};

// The whole at once.
Result<Audio> resample(Audio audio, int64_t rate);

}  // namespace accel::audio
