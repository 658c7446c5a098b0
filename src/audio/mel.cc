#include "audio/mel.h"

#include <algorithm>
#include <cmath>

namespace accel::audio {
namespace {

// Slaney's Auditory Toolbox (1998): 200/3 Hz per mel up to 1 kHz, then 27 mels per factor 6.4.
constexpr double kHzPerMel = 200.0 / 3;
constexpr double kLogHz = 1000;
constexpr double kLogMel = kLogHz / kHzPerMel;
double log_step() { return std::log(6.4) / 27; }

double hz_to_mel(double hz, MelScale scale) {
  if (scale == MelScale::kKaldi) return 1127 * std::log(1 + hz / 700);
  return hz < kLogHz ? hz / kHzPerMel : kLogMel + std::log(hz / kLogHz) / log_step();
}

double mel_to_hz(double mel, MelScale scale) {
  if (scale == MelScale::kKaldi) return 700 * (std::exp(mel / 1127) - 1);
  return mel < kLogMel ? mel * kHzPerMel : kLogHz * std::exp(log_step() * (mel - kLogMel));
}

}  // namespace

MelFilters::MelFilters(const MelOptions& options) : filters_(options.filters) {
  const double mel_min = hz_to_mel(options.hz_min, options.scale);
  const double mel_max = hz_to_mel(options.hz_max, options.scale);
  const double step = (mel_max - mel_min) / static_cast<double>(options.filters + 1);
  // Of the triangles' corners: filter m has the corners m, m + 1 and m + 2.
  const auto corner = [&](size_t i) {
    const double mel = i > options.filters ? mel_max : mel_min + step * static_cast<double>(i);
    return options.in_mel_space ? mel : mel_to_hz(mel, options.scale);
  };
  const auto place = [&](size_t bin) {
    const double hz = options.hz_per_bin * static_cast<double>(bin);
    return options.in_mel_space ? hz_to_mel(hz, options.scale) : hz;
  };
  for (size_t m = 0; m < options.filters; ++m) {
    const double left = corner(m);
    const double peak = corner(m + 1);
    const double right = corner(m + 2);
    const double scale = options.equal_energy ? 2 / (right - left) : 1;
    Filter& filter = filters_[m];
    for (size_t bin = 0; bin < options.bins; ++bin) {
      const double at = place(bin);
      const double weight = std::min((at - left) / (peak - left), (right - at) / (right - peak));
      if (weight > 0) {
        if (filter.weights.empty()) filter.begin = bin;
        filter.weights.push_back(weight * scale);
      } else if (!filter.weights.empty()) {
        break;
      }
    }
  }
}

void MelFilters::apply(std::span<const double> spectrum, std::span<double> energies) const {
  for (size_t m = 0; m < filters_.size(); ++m) {
    const Filter& filter = filters_[m];
    double sum = 0;
    for (size_t i = 0; i < filter.weights.size(); ++i) {
      sum += filter.weights[i] * spectrum[filter.begin + i];
    }
    energies[m] = sum;
  }
}

}  // namespace accel::audio
