#include "audio/spectral_features.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "audio/fixtures.h"

namespace accel::audio {
namespace {

using testing::HasSubstr;

Audio second_of_speech() {
  Audio speech = decoded("speech/speech_16k.wav");
  speech.samples.resize(16'000);
  return speech;
}

Tensor features(const Audio& audio, const SpectralOptions& options) {
  const Result<Tensor> result = spectral_features(audio, options);
  EXPECT_TRUE(result.ok()) << result.status().to_string();
  return result.ok() ? *result : Tensor();
}

// row 72
TEST(SpectralFeatures, LogMelEqualsLibrosa) {
  const Expected golden("golden");
  const Audio speech = second_of_speech();
  const Tensor wide = features(speech, {.normalize = false});
  EXPECT_EQ(wide.shape(), (Shape{80, 32}));
  EXPECT_LT(largest_difference(wide.data<float>(), golden["logmel.1024_512_80"]), 1e-3);
  const Tensor fine = features(speech, {.n_fft = 400, .hop_length = 160, .normalize = false});
  EXPECT_EQ(fine.shape(), (Shape{80, 101}));
  EXPECT_LT(largest_difference(fine.data<float>(), golden["logmel.400_160_80"]), 1e-3);
}

// row 73
TEST(SpectralFeatures, MfccEqualsLibrosa) {
  const Expected golden("golden");
  const Audio speech = second_of_speech();
  SpectralOptions options{
      .type = SpectralType::kMfcc, .feature_size = 13, .mel_bins = 80, .normalize = false};
  EXPECT_EQ(features(speech, options).shape(), (Shape{13, 32}));
  EXPECT_LT(largest_difference(features(speech, options).data<float>(), golden["mfcc.1024_512_80"]),
            1e-3);
  options.n_fft = 400;
  options.hop_length = 160;
  EXPECT_LT(largest_difference(features(speech, options).data<float>(), golden["mfcc.400_160_80"]),
            1e-3);
}

// row 74
TEST(SpectralFeatures, OtherTypes) {
  const Expected golden("golden");
  const Audio speech = second_of_speech();
  const Tensor mel = features(speech, {.type = SpectralType::kMelSpectrogram, .normalize = false});
  EXPECT_LT(largest_difference(mel.data<float>(), golden["mel.1024_512_80"]), 1e-3);
  EXPECT_EQ(features(speech, {.type = SpectralType::kSpectrogram}).shape(), (Shape{513, 32}));
  for (const char* name : {"log_mel_spectrogram", "mel_spectrogram", "mfcc", "spectrogram"}) {
    EXPECT_EQ(to_string(*parse_spectral_type(name)), name);
  }
  EXPECT_THAT(parse_spectral_type("wavelet").status().message(),
              HasSubstr("expected one of log_mel_spectrogram, mel_spectrogram, mfcc, spectrogram, "
                        "found \"wavelet\""));
}

// The power of a sine of amplitude a in the middle of Hann's window is (a n / 4)^2.
TEST(SpectralFeatures, ASineHasItsPower) {
  const Tensor power = features(
      tone(1000, 1, 16'000),
      {.type = SpectralType::kSpectrogram, .n_fft = 1600, .hop_length = 800, .normalize = false});
  const int64_t frames = power.shape()[1];
  const float middle = power.data<float>()[static_cast<size_t>(100 * frames + 5)];
  EXPECT_NEAR(middle, std::pow(0.5 * 1600 / 4, 2), 0.5);
}

// Frequencies of the mel filters' peaks, on Slaney's scale from 0 to 8 kHz.
double peak_hz(size_t band, size_t bands) {
  const double top = 15 + std::log(8.0) / (std::log(6.4) / 27);
  const double mel = top * static_cast<double>(band + 1) / static_cast<double>(bands + 1);
  return mel < 15 ? mel * 200 / 3 : 1000 * std::exp((mel - 15) * std::log(6.4) / 27);
}

// row 69
TEST(SpectralFeatures, AToneInMp3IsInItsBand) {
  const Audio sound = decoded("formats/tone_1khz.mp3", 16'000);
  const Tensor mel = features(sound, {.normalize = false});
  const auto frames = static_cast<size_t>(mel.shape()[1]);
  size_t loudest = 0;
  for (size_t band = 1; band < 80; ++band) {
    const auto value = [&](size_t b) { return mel.data<float>()[b * frames + frames / 2]; };
    if (value(band) > value(loudest)) loudest = band;
  }
  EXPECT_LT(peak_hz(loudest - 1, 80), 1000);
  EXPECT_GT(peak_hz(loudest + 1, 80), 1000);
}

// row 75
TEST(SpectralFeatures, NormalizeGivesMeanZeroAndDeviationOne) {
  const Audio speech = second_of_speech();
  for (const SpectralType type : {SpectralType::kLogMel, SpectralType::kMfcc}) {
    const Tensor normalized = features(speech, {.type = type, .feature_size = 40});
    double sum = 0;
    double squares = 0;
    for (const float each : normalized.data<float>()) {
      sum += each;
      squares += double{each} * each;
    }
    const auto count = static_cast<double>(normalized.count());
    EXPECT_NEAR(sum / count, 0, 1e-3);
    EXPECT_NEAR(std::sqrt(squares / count), 1, 1e-3);
  }
}

// row 109 (partial: the options, not yet the keys of a request)
TEST(SpectralFeatures, EachOptionChangesTheFeatures) {
  const Audio speech = second_of_speech();
  EXPECT_EQ(features(speech, {.feature_size = 40}).shape(), (Shape{40, 32}));
  EXPECT_EQ(features(speech, {.hop_length = 160}).shape(), (Shape{80, 101}));
  EXPECT_EQ(features(speech, {.type = SpectralType::kSpectrogram, .n_fft = 400}).shape(),
            (Shape{201, 32}));
  const auto differ = [&](const Tensor& a, const Tensor& b) {
    return a.shape() == b.shape() && !std::ranges::equal(a.bytes(), b.bytes());
  };
  const Tensor plain = features(speech, {});
  EXPECT_TRUE(differ(plain, features(speech, {.n_fft = 2048})));
  EXPECT_TRUE(differ(plain, features(speech, {.normalize = false})));
  EXPECT_TRUE(differ(plain, features(speech, {.type = SpectralType::kMelSpectrogram})));
  Audio other_rate = speech;
  other_rate.rate = 8000;
  EXPECT_TRUE(differ(plain, features(other_rate, {})));
}

TEST(SpectralFeatures, RefusesWhatDoesNotFit) {
  const Audio speech = second_of_speech();
  const auto refused = [&](const SpectralOptions& options, std::string_view message) {
    EXPECT_THAT(spectral_features(speech, options).status().message(), HasSubstr(message));
  };
  refused({.feature_size = 0}, "feature_size: expected 1 to 1024, found 0");
  refused({.n_fft = 1}, "n_fft: expected 2 to 16384, found 1");
  refused({.n_fft = 1022}, "prime factors");
  refused({.hop_length = 0}, "hop_length: expected 1 to 16384, found 0");
  refused({.type = SpectralType::kMfcc, .feature_size = 80, .mel_bins = 40},
          "mel_bins: expected 80 to 1024, found 40");
  EXPECT_THAT(spectral_features({.rate = 16'000}).status().message(), HasSubstr("no samples"));
  EXPECT_THAT(spectral_features({.samples = {HUGE_VALF}, .rate = 16'000}).status().message(),
              HasSubstr("found inf at 0"));
  const Audio silence{.samples = std::vector<float>(4000), .rate = 16'000};
  for (const SpectralType type : {SpectralType::kLogMel, SpectralType::kMelSpectrogram,
                                  SpectralType::kMfcc, SpectralType::kSpectrogram}) {
    const Tensor result = features(silence, {.type = type});
    for (const float each : result.data<float>()) {
      ASSERT_TRUE(std::isfinite(each));
    }
  }
}

}  // namespace
}  // namespace accel::audio
