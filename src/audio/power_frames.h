// A sound's power spectrum, frame by frame: the short-time Fourier transform of the references
// (transformers' audio_utils.spectrogram, librosa.stft, Kaldi's fbank).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "accel/status.h"
#include "audio/fourier.h"

namespace accel::audio {

// What lies before the first and after the last sample.
enum class Edge : uint8_t {
  kNone,     // nothing: frame t begins at sample t * hop, and only whole frames count
  kReflect,  // the sound mirrored about its end samples: frame t is centred on t * hop
  kZero,     // zeros; also centred
};

struct FrameOptions {
  size_t frame = 400;  // samples per frame
  size_t hop = 160;    // samples from one frame to the next
  size_t fourier = 0;  // size of the transform, filled up with zeros; 0: that of the frame
  Edge edge = Edge::kReflect;
  // Hann's window; a periodic one is that of a frame longer by one, without its last number.
  bool periodic_window = true;
  bool remove_mean = false;  // of each frame, before the next
  double preemphasis = 0;    // x[i] -= preemphasis * x[i - 1], x[0] -= preemphasis * x[0]
};

// Immutable, so shared freely between threads.
class PowerFrames {
 public:
  // INVALID_ARGUMENT for a hop of 0, a transform shorter than the frame, or a size that
  // RealFourier lacks.
  static Result<PowerFrames> create(const FrameOptions& options);

  // Frames in a sound of that many samples; 0 when it is shorter than one. With kReflect a sound
  // needs more than half a frame.
  size_t count(size_t samples) const;

  struct Scratch {
    std::vector<double> frame;
    RealFourier::Scratch fourier;
  };

  // The power of frame `index` (below count()); `power` has bins() numbers.
  void power(std::span<const float> samples, size_t index, std::span<double> power,
             Scratch& scratch) const;

  size_t bins() const { return fourier_.bins(); }

 private:
  PowerFrames(const FrameOptions& options, RealFourier fourier);
  size_t margin() const { return options_.edge == Edge::kNone ? 0 : options_.frame / 2; }
  void cut(std::span<const float> samples, size_t index, std::span<double> frame) const;

  FrameOptions options_;
  RealFourier fourier_;
  std::vector<double> window_;
};

}  // namespace accel::audio
