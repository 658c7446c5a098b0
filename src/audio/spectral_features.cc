#include "audio/spectral_features.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>
#include <string>
#include <utility>
#include <vector>

#include "audio/mel.h"
#include "audio/power_frames.h"
#include "base/try.h"

namespace accel::audio {
namespace {

constexpr int64_t kBandsMax = 1024;
constexpr uint64_t kValuesMax = uint64_t{1} << 28;
constexpr double kDecibelFloor = 1e-10;  // of power
constexpr double kDecibelRange = 80;
constexpr double kDeviationFloor = 1e-6;

constexpr std::array<std::pair<std::string_view, SpectralType>, 4> kNames{{
    {"log_mel_spectrogram", SpectralType::kLogMel},
    {"mel_spectrogram", SpectralType::kMelSpectrogram},
    {"mfcc", SpectralType::kMfcc},
    {"spectrogram", SpectralType::kSpectrogram},
}};

Status check_range(const char* name, int64_t value, int64_t least, int64_t most) {
  if (value >= least && value <= most) return {};
  return invalid_argument(fmt::format("{}: expected {} to {}, found {}", name, least, most, value));
}

Status check(const Audio& audio, const SpectralOptions& options) {
  ACCEL_TRY(check_range("sample_rate", audio.rate, kRateMin, kRateMax));
  ACCEL_TRY(check_range("feature_size", options.feature_size, 1, kBandsMax));
  ACCEL_TRY(check_range("n_fft", options.n_fft, 2, RealFourier::kSizeMax));
  ACCEL_TRY(check_range("hop_length", options.hop_length, 1, RealFourier::kSizeMax));
  if (options.type == SpectralType::kMfcc) {
    ACCEL_TRY(check_range("mel_bins", options.mel_bins, options.feature_size, kBandsMax));
  }
  if (audio.samples.empty()) return invalid_argument("expected sound, found no samples");
  const auto bad = std::ranges::find_if_not(
      audio.samples, [](float sample) { return std::abs(sample) <= kSampleMax; });
  if (bad == audio.samples.end()) return {};
  return invalid_argument(fmt::format("expected samples of about -1 to 1, found {} at {}", *bad,
                                      bad - audio.samples.begin()));
}

// Power or mel energies of every frame, [frames, bands].
struct Energies {
  size_t frames = 0;
  size_t bands = 0;
  std::vector<float> values;
};

Result<Energies> energies_of(const Audio& audio, const SpectralOptions& options) {
  ACCEL_ASSIGN(const PowerFrames power_frames,
               PowerFrames::create({.frame = static_cast<size_t>(options.n_fft),
                                    .hop = static_cast<size_t>(options.hop_length),
                                    .edge = Edge::kZero}));
  const bool mel = options.type != SpectralType::kSpectrogram;
  const int64_t bands =
      options.type == SpectralType::kMfcc ? options.mel_bins : options.feature_size;
  const MelFilters filters(
      {.filters = mel ? static_cast<size_t>(bands) : 1,
       .hz_min = 0,
       .hz_max = static_cast<double>(audio.rate) / 2,
       .bins = power_frames.bins(),
       .hz_per_bin = static_cast<double>(audio.rate) / static_cast<double>(options.n_fft)});
  Energies result{.frames = power_frames.count(audio.samples.size()),
                  .bands = mel ? filters.size() : power_frames.bins()};
  if (result.frames > kValuesMax / std::max(result.bands, power_frames.bins())) {
    return resource_exhausted(fmt::format(
        "expected at most {} numbers, found {} frames of {}; cut the sound, or take a larger "
        "hop_length",
        kValuesMax, result.frames, std::max(result.bands, power_frames.bins())));
  }
  result.values.resize(result.frames * result.bands);
  PowerFrames::Scratch scratch;
  std::vector<double> power(power_frames.bins());
  std::vector<double> bank(mel ? filters.size() : 0);
  for (size_t t = 0; t < result.frames; ++t) {
    power_frames.power(audio.samples, t, power, scratch);
    if (mel) filters.apply(power, bank);
    std::ranges::transform(mel ? bank : power,
                           result.values.begin() + static_cast<ptrdiff_t>(t * result.bands),
                           [](double each) { return static_cast<float>(each); });
  }
  return result;
}

// In decibels of `reference`, none more than kDecibelRange below the loudest.
void to_decibels(std::vector<float>& values, double reference) {
  const double offset = 10 * std::log10(std::max(kDecibelFloor, reference));
  double loudest = -std::numeric_limits<double>::infinity();
  for (float& each : values) {
    const double decibels =
        10 * std::log10(std::max(kDecibelFloor, static_cast<double>(each))) - offset;
    loudest = std::max(loudest, decibels);
    each = static_cast<float>(decibels);
  }
  const auto least = static_cast<float>(loudest - kDecibelRange);
  for (float& each : values) each = std::max(each, least);
}

// The first `count` numbers of each frame's orthonormal DCT-II.
Energies cosine_transform(const Energies& from, size_t count) {
  const auto bands = static_cast<double>(from.bands);
  std::vector<double> table(count * from.bands);
  for (size_t k = 0; k < count; ++k) {
    const double scale = std::sqrt((k == 0 ? 1 : 2) / bands);
    for (size_t m = 0; m < from.bands; ++m) {
      const double turn = (static_cast<double>(m) + 0.5) * static_cast<double>(k) / bands;
      table[k * from.bands + m] = scale * std::cos(std::numbers::pi * turn);
    }
  }
  Energies to{.frames = from.frames, .bands = count};
  to.values.resize(to.frames * count);
  for (size_t t = 0; t < from.frames; ++t) {
    for (size_t k = 0; k < count; ++k) {
      double sum = 0;
      for (size_t m = 0; m < from.bands; ++m) {
        sum += table[k * from.bands + m] * from.values[t * from.bands + m];
      }
      to.values[t * count + k] = static_cast<float>(sum);
    }
  }
  return to;
}

void normalize(std::vector<float>& values) {
  double sum = 0;
  for (const float each : values) sum += each;
  const double mean = sum / static_cast<double>(values.size());
  double squares = 0;
  for (const float each : values) squares += (each - mean) * (each - mean);
  const double deviation = std::sqrt(squares / static_cast<double>(values.size()));
  for (float& each : values) {
    each = static_cast<float>((each - mean) / (deviation + kDeviationFloor));
  }
}

}  // namespace

std::string_view to_string(SpectralType type) {
  return std::ranges::find(kNames, type, &std::pair<std::string_view, SpectralType>::second)->first;
}

Result<SpectralType> parse_spectral_type(std::string_view name) {
  std::string known;
  for (const auto& [each, type] : kNames) {
    if (each == name) return type;
    known += fmt::format("{}{}", known.empty() ? "" : ", ", each);
  }
  return invalid_argument(
      fmt::format("feature_type: expected one of {}, found \"{}\"", known, name.substr(0, 60)));
}

Result<Tensor> spectral_features(const Audio& audio, const SpectralOptions& options) {
  ACCEL_TRY(check(audio, options));
  ACCEL_ASSIGN(Energies energies, energies_of(audio, options));
  if (options.type == SpectralType::kLogMel) {
    to_decibels(energies.values, std::ranges::max(energies.values));
  } else if (options.type == SpectralType::kMfcc) {
    to_decibels(energies.values, 1);
    energies = cosine_transform(energies, static_cast<size_t>(options.feature_size));
  }
  if (options.normalize) normalize(energies.values);
  Tensor features = Tensor::allocate(
      DType::kF32, {static_cast<int64_t>(energies.bands), static_cast<int64_t>(energies.frames)});
  auto* out = reinterpret_cast<float*>(features.mutable_data());
  for (size_t t = 0; t < energies.frames; ++t) {
    for (size_t k = 0; k < energies.bands; ++k) {
      out[k * energies.frames + t] = energies.values[t * energies.bands + k];
    }
  }
  return features;
}

}  // namespace accel::audio
