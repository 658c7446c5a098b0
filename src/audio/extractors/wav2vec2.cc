// wav2vec 2.0 and its like take the samples themselves, by default with mean 0 and deviation 1.
#include <algorithm>
#include <cmath>

#include "audio/extractors/extractors.h"
#include "base/try.h"

namespace accel::audio {
namespace {

constexpr double kEpsilon = 1e-7;  // added to the variance: silence stays silence

class Wav2Vec2Extractor : public FeatureExtractor {
 public:
  using FeatureExtractor::Padding;
  Wav2Vec2Extractor(FeatureInfo info, Padding padding, bool normalize)
      : FeatureExtractor(std::move(info), padding), normalize_(normalize) {}

 private:
  Result<ClipFeatures> compute(std::span<const float> samples) const override {
    const auto count = static_cast<int64_t>(samples.size());
    Tensor values = Tensor::allocate(DType::kF32, {count});
    auto* out = reinterpret_cast<float*>(values.mutable_data());
    if (normalize_) {
      double sum = 0;
      for (const float each : samples) sum += each;
      const double mean = sum / static_cast<double>(count);
      double squares = 0;
      for (const float each : samples) squares += (each - mean) * (each - mean);
      const double scale = 1 / std::sqrt(squares / static_cast<double>(count) + kEpsilon);
      std::ranges::transform(samples, out,
                             [&](float each) { return static_cast<float>((each - mean) * scale); });
    } else {
      std::ranges::copy(samples, out);
    }
    return ClipFeatures{.values = std::move(values), .length = count, .begin = 0, .end = count};
  }

  bool normalize_;
};

}  // namespace

MadeExtractor make_wav2vec2(ConfigFields& fields) {
  fields.integer_or("feature_size", 1, {1, 1});
  FeatureInfo info{.extractor = "Wav2Vec2FeatureExtractor",
                   .output = "input_values",
                   .rate = fields.integer_or("sampling_rate", 16'000, {kRateMin, kRateMax}),
                   .shape = {-1},
                   .attention_mask = fields.flag_or("return_attention_mask", false)};
  const Wav2Vec2Extractor::Padding padding{
      .value = static_cast<float>(fields.number_or("padding_value", 0, {-1e6, 1e6})),
      .left = pads_left(fields)};
  const bool normalize = fields.flag_or("do_normalize", true);
  ACCEL_TRY(fields.status());
  return MadeExtractor(
      std::make_unique<const Wav2Vec2Extractor>(std::move(info), padding, normalize));
}

}  // namespace accel::audio
