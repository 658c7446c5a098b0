// Audio Spectrogram Transformer (Gong et al., Interspeech 2021): Kaldi's filter bank in 25 ms
// frames every 10 ms, a fixed number of frames, and one mean and deviation for all of them.
//
// The samples are not scaled to 16-bit integers, as Kaldi would: the reference does not either.
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

constexpr int64_t kRate = 16'000;
constexpr FrameOptions kFrames{.frame = 400,
                               .hop = 160,
                               .fourier = 512,
                               .edge = Edge::kNone,
                               .periodic_window = false,
                               .remove_mean = true,
                               .preemphasis = 0.97};
constexpr double kKaldiFloor = 1.1920928955078125e-07;  // of f32, as Kaldi's

struct AstOptions {
  int64_t mel_bins = 128;
  int64_t max_length = 1024;
  bool normalize = true;
  double mean = -4.2677393;  // of AudioSet
  double std = 4.5689974;
};

class AstExtractor : public FeatureExtractor {
 public:
  AstExtractor(const AstOptions& options, PowerFrames frames)
      : FeatureExtractor(
            {.extractor = "ASTFeatureExtractor",
             .output = "input_values",
             .rate = kRate,
             .shape = {options.max_length, options.mel_bins},
             .samples_max = (options.max_length - 1) * static_cast<int64_t>(kFrames.hop) +
                            static_cast<int64_t>(kFrames.frame)},
            {}),
        options_(options),
        frames_(std::move(frames)),
        filters_({.filters = static_cast<size_t>(options.mel_bins),
                  .hz_min = 20,
                  .hz_max = kRate / 2.0,
                  .bins = frames_.bins(),
                  .hz_per_bin = static_cast<double>(kRate) / kFrames.fourier,
                  .scale = MelScale::kKaldi,
                  .equal_energy = false,
                  .in_mel_space = true}) {}

 private:
  Result<ClipFeatures> compute(std::span<const float> samples) const override {
    const size_t count =
        std::min(frames_.count(samples.size()), static_cast<size_t>(options_.max_length));
    if (count == 0) {
      return invalid_argument(fmt::format("{}: expected at least {} samples (25 ms), found {}",
                                          info().extractor, kFrames.frame, samples.size()));
    }
    Tensor values = Tensor::allocate(DType::kF32, info().shape);
    const std::span out(reinterpret_cast<float*>(values.mutable_data()), values.count());
    PowerFrames::Scratch scratch;
    std::vector<double> power(frames_.bins());
    std::vector<double> energies(filters_.size());
    for (size_t t = 0; t < count; ++t) {
      frames_.power(samples, t, power, scratch);
      filters_.apply(power, energies);
      std::ranges::transform(
          energies, out.begin() + static_cast<ptrdiff_t>(t * filters_.size()),
          [](double each) { return static_cast<float>(std::log(std::max(each, kKaldiFloor))); });
    }
    if (options_.normalize) {  // the empty frames too
      for (float& each : out) {
        each = static_cast<float>((each - options_.mean) / (2 * options_.std));
      }
    }
    return ClipFeatures{.values = std::move(values),
                        .length = options_.max_length,
                        .begin = 0,
                        .end = static_cast<int64_t>(count)};
  }

  AstOptions options_;
  PowerFrames frames_;
  MelFilters filters_;
};

}  // namespace

MadeExtractor make_ast(ConfigFields& fields) {
  AstOptions options;
  // At other rates the two implementations of the reference differ: one frames by samples, one by
  // time.
  fields.integer_or("sampling_rate", kRate, {kRate, kRate});
  fields.integer_or("feature_size", 1, {1, 1});
  options.mel_bins = fields.integer_or("num_mel_bins", options.mel_bins, {1, 1024});
  options.max_length = fields.integer_or("max_length", options.max_length, {1, 1 << 17});
  options.normalize = fields.flag_or("do_normalize", options.normalize);
  options.mean = fields.number_or("mean", options.mean, {-1e6, 1e6});
  options.std = fields.number_or("std", options.std, {1e-6, 1e6});
  ACCEL_TRY(fields.status());
  ACCEL_ASSIGN(PowerFrames frames, PowerFrames::create(kFrames));
  return MadeExtractor(std::make_unique<const AstExtractor>(options, std::move(frames)));
}

}  // namespace accel::audio
