// Whisper (Radford et al., 2022): the log-mel spectrogram of one chunk of fixed length. A shorter
// clip is filled up before, with padding_value; what is longer is cut.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "audio/extractors/extractors.h"
#include "audio/mel.h"
#include "audio/power_frames.h"
#include "base/try.h"

namespace accel::audio {
namespace {

constexpr double kEnergyFloor = 1e-10;
constexpr float kRange = 8;  // decades below the loudest that count
constexpr int64_t kSamplesMax = int64_t{1} << 26;
constexpr int64_t kWorkMax = int64_t{1} << 28;  // frames times their size: some seconds of work

struct WhisperOptions {
  int64_t mel_bins = 80;
  int64_t rate = 16'000;
  int64_t n_fft = 400;
  int64_t hop = 160;
  int64_t samples = 480'000;
  // In whole numbers, as the reference halves it.
  double half_rate() const {
    const int64_t half = rate / 2;
    return static_cast<double>(half);
  }
  int64_t frames() const { return samples / hop; }  // the reference drops the last one
};

class WhisperExtractor : public FeatureExtractor {
 public:
  using FeatureExtractor::Padding;
  WhisperExtractor(FeatureInfo info, Padding padding, const WhisperOptions& options,
                   PowerFrames frames)
      : FeatureExtractor(std::move(info), padding),
        options_(options),
        frames_(std::move(frames)),
        filters_({.filters = static_cast<size_t>(options.mel_bins),
                  .hz_min = 0,
                  .hz_max = 8000,
                  .bins = frames_.bins(),
                  .hz_per_bin = options.half_rate() / static_cast<double>(frames_.bins() - 1)}) {}

 private:
  Result<ClipFeatures> compute(std::span<const float> samples) const override {
    const auto length = static_cast<size_t>(options_.samples);
    samples = samples.first(std::min(samples.size(), length));
    const size_t before = padding().left ? length - samples.size() : 0;
    std::vector<float> chunk(length, padding().value);
    std::ranges::copy(samples, chunk.begin() + static_cast<ptrdiff_t>(before));
    // Frames whose centre is sound.
    const int64_t hop = options_.hop;
    const auto first_after = [&](size_t sample) {
      return std::min((static_cast<int64_t>(sample) + hop - 1) / hop, options_.frames());
    };
    return ClipFeatures{.values = log_mel(chunk),
                        .length = options_.frames(),
                        .begin = first_after(before),
                        .end = first_after(before + samples.size())};
  }

  Tensor log_mel(std::span<const float> chunk) const {
    Tensor values = Tensor::allocate(DType::kF32, info().shape);
    const std::span out(reinterpret_cast<float*>(values.mutable_data()), values.count());
    const auto frames = static_cast<size_t>(options_.frames());
    PowerFrames::Scratch scratch;
    std::vector<double> power(frames_.bins());
    std::vector<double> energies(filters_.size());
    for (size_t t = 0; t < frames; ++t) {
      frames_.power(chunk, t, power, scratch);
      filters_.apply(power, energies);
      for (size_t m = 0; m < energies.size(); ++m) {
        out[m * frames + t] = static_cast<float>(std::log10(std::max(energies[m], kEnergyFloor)));
      }
    }
    const float least = std::ranges::max(out) - kRange;
    for (float& each : out) each = (std::max(each, least) + 4.0F) / 4.0F;
    return values;
  }

  WhisperOptions options_;
  PowerFrames frames_;
  MelFilters filters_;
};

Status check_sizes(ConfigFields& fields, const WhisperOptions& options) {
  if (options.samples > kSamplesMax) {
    fields.problem(fmt::format("chunk_length times sampling_rate: expected at most {}, found {}",
                               kSamplesMax, options.samples));
  } else if (options.samples <= options.n_fft / 2 || options.frames() == 0) {
    fields.problem(fmt::format("expected a chunk of more than half of n_fft {} and of at least "
                               "hop_length {} samples, found {}",
                               options.n_fft, options.hop, options.samples));
  } else if (options.frames() * std::max(options.n_fft, options.mel_bins) > kWorkMax) {
    fields.problem(fmt::format("expected at most {} frames times n_fft or feature_size, found {} "
                               "frames, n_fft {} and feature_size {}",
                               kWorkMax, options.frames(), options.n_fft, options.mel_bins));
  }
  return fields.status();
}

}  // namespace

MadeExtractor make_whisper(ConfigFields& fields) {
  WhisperOptions options;
  options.mel_bins = fields.integer_or("feature_size", options.mel_bins, {1, 1024});
  options.rate = fields.integer_or("sampling_rate", options.rate, {kRateMin, kRateMax});
  options.n_fft = fields.integer_or("n_fft", options.n_fft, {2, RealFourier::kSizeMax});
  options.hop = fields.integer_or("hop_length", options.hop, {1, RealFourier::kSizeMax});
  options.samples = fields.integer_or("chunk_length", 30, {1, 86'400}) * options.rate;
  if (fields.number_or("dither", 0, {0, 1e6}) != 0) {
    fields.problem("dither: expected 0 (the same sound gives the same numbers), found more");
  }
  FeatureInfo info{.extractor = "WhisperFeatureExtractor",
                   .output = "input_features",
                   .rate = options.rate,
                   .shape = {options.mel_bins, options.frames()},
                   .samples_max = options.samples,
                   .attention_mask = fields.flag_or("return_attention_mask", false)};
  const WhisperExtractor::Padding padding{
      .value = static_cast<float>(fields.number_or("padding_value", 0, {-1e6, 1e6})),
      .left = pads_left(fields)};
  ACCEL_TRY(check_sizes(fields, options));
  ACCEL_ASSIGN(PowerFrames frames, PowerFrames::create({.frame = static_cast<size_t>(options.n_fft),
                                                        .hop = static_cast<size_t>(options.hop)}));
  return MadeExtractor(std::make_unique<const WhisperExtractor>(std::move(info), padding, options,
                                                                std::move(frames)));
}

}  // namespace accel::audio
