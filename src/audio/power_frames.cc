#include "audio/power_frames.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include "base/try.h"

namespace accel::audio {

Result<PowerFrames> PowerFrames::create(const FrameOptions& options) {
  if (options.hop == 0) return invalid_argument("hop_length: expected more than 0, found 0");
  const size_t size = options.fourier == 0 ? options.frame : options.fourier;
  if (size < options.frame) {
    return invalid_argument(
        fmt::format("expected a transform of at least {} samples, found {}", options.frame, size));
  }
  ACCEL_ASSIGN(RealFourier fourier, RealFourier::create(size));
  return PowerFrames(options, std::move(fourier));
}

PowerFrames::PowerFrames(const FrameOptions& options, RealFourier fourier)
    : options_(options), fourier_(std::move(fourier)), window_(options.frame) {
  const size_t last = options.periodic_window ? options.frame : options.frame - 1;
  for (size_t i = 0; i < options.frame && last > 0; ++i) {
    const double angle = 2 * std::numbers::pi * static_cast<double>(i) / static_cast<double>(last);
    window_[i] = 0.5 - 0.5 * std::cos(angle);
  }
}

size_t PowerFrames::count(size_t samples) const {
  const size_t length = samples + 2 * margin();
  if (samples == 0 || length < options_.frame) return 0;
  if (options_.edge == Edge::kReflect && samples <= margin()) return 0;
  return 1 + (length - options_.frame) / options_.hop;
}

void PowerFrames::cut(std::span<const float> samples, size_t index, std::span<double> frame) const {
  const auto count = static_cast<ptrdiff_t>(samples.size());
  const auto begin =
      static_cast<ptrdiff_t>(index * options_.hop) - static_cast<ptrdiff_t>(margin());
  const auto length = static_cast<ptrdiff_t>(options_.frame);
  if (begin >= 0 && begin + length <= count) {
    std::copy_n(samples.begin() + begin, length, frame.begin());
    return;
  }
  for (ptrdiff_t i = 0; i < length; ++i) {
    ptrdiff_t at = begin + i;
    const bool outside = at < 0 || at >= count;
    if (outside && options_.edge == Edge::kReflect) {
      at = at < 0 ? -at : 2 * (count - 1) - at;
    }
    const bool silent = outside && options_.edge != Edge::kReflect;
    frame[static_cast<size_t>(i)] = silent ? 0.0 : samples[static_cast<size_t>(at)];
  }
}

void PowerFrames::power(std::span<const float> samples, size_t index, std::span<double> power,
                        Scratch& scratch) const {
  scratch.frame.assign(fourier_.size(), 0.0);
  const std::span frame = std::span(scratch.frame).first(options_.frame);
  cut(samples, index, frame);
  // Most of what a model hears of a short clip is the silence behind it.
  if (std::ranges::all_of(frame, [](double each) { return each == 0; })) {
    std::ranges::fill(power, 0.0);
    return;
  }
  if (options_.remove_mean) {
    double sum = 0;
    for (const double each : frame) sum += each;
    const double mean = sum / static_cast<double>(frame.size());
    for (double& each : frame) each -= mean;
  }
  if (options_.preemphasis != 0) {
    for (size_t i = frame.size(); i-- > 1;) frame[i] -= options_.preemphasis * frame[i - 1];
    frame[0] -= options_.preemphasis * frame[0];
  }
  for (size_t i = 0; i < frame.size(); ++i) frame[i] *= window_[i];
  fourier_.power(scratch.frame, power, scratch.fourier);
}

}  // namespace accel::audio
