#include "audio/feature_extractor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <limits>

#include "audio/fixtures.h"

namespace accel::audio {
namespace {

using testing::HasSubstr;

constexpr const char* kWav2Vec2 = R"({"feature_extractor_type": "Wav2Vec2FeatureExtractor"})";
constexpr const char* kWhisper = R"({"feature_extractor_type": "WhisperFeatureExtractor"})";

std::unique_ptr<const FeatureExtractor> made(std::string_view config,
                                             std::string_view model_type = {}) {
  Result<std::unique_ptr<const FeatureExtractor>> extractor =
      make_feature_extractor(config, model_type);
  EXPECT_TRUE(extractor.ok()) << extractor.status().to_string();
  return extractor.ok() ? std::move(*extractor) : nullptr;
}

Audio part(const Audio& audio, size_t begin, size_t end) {
  return {.samples = {audio.samples.begin() + static_cast<ptrdiff_t>(begin),
                      audio.samples.begin() + static_cast<ptrdiff_t>(end)},
          .rate = audio.rate};
}

void expect_mask(const Tensor& mask, int64_t row, const Json& expected, std::string_view what) {
  const int64_t length = mask.shape().back();
  const std::span ones =
      mask.data<int32_t>().subspan(static_cast<size_t>(row * length), static_cast<size_t>(length));
  const auto first = expected.at("mask_first").get<int64_t>();
  for (int64_t i = 0; i < length; ++i) {
    const bool inside = i >= first && i < first + expected.at("mask").get<int64_t>();
    ASSERT_EQ(ones[static_cast<size_t>(i)], inside ? 1 : 0) << what << " at " << i;
  }
}

// Options of all kinds, against the classes of the reference.
TEST(FeatureExtractor, EqualsTheReference) {
  const Expected expected("features");
  const Audio speech = decoded("speech/speech_16k.wav");
  const std::vector<Audio> clips{part(speech, 0, 20'000), part(speech, 6'000, 13'000)};
  double largest = 0;
  for (const Json& each : expected.json.at("cases")) {
    const std::string what = each.at("config").dump() + " " + each.at("clip").get<std::string>();
    const auto extractor = made(each.at("config").dump());
    const bool batch = each.at("clip") == "batch";
    const Audio& clip = clips[each.at("clip") == "short" ? 1 : 0];
    // The reference makes a mask for Whisper only when it is called so.
    const ExtractOptions options{.attention_mask =
                                     each.contains("mask") ? std::optional(true) : std::nullopt};
    const Result<NamedTensors> tensors =
        batch ? extractor->extract_batch(clips, options) : extractor->extract(clip, options);
    ASSERT_TRUE(tensors.ok()) << what << ": " << tensors.status().to_string();
    const Tensor* values = find(*tensors, each.at("output").get<std::string>());
    ASSERT_NE(values, nullptr) << what;
    const Sample sample = expected[each.at("values").get<std::string>()];
    EXPECT_EQ(values->shape(), sample.shape) << what;
    const double difference = largest_difference(values->data<float>(), sample);
    EXPECT_LT(difference, 1e-4) << what;
    largest = std::max(largest, difference);
    const Tensor* mask = find(*tensors, "attention_mask");
    ASSERT_EQ(mask != nullptr, each.contains("mask")) << what;
    if (mask != nullptr) expect_mask(*mask, batch ? 1 : 0, each, what);
  }
  RecordProperty("largest_difference", std::to_string(largest));
}

TEST(FeatureExtractor, EqualsTheGoldenSets) {
  const Expected golden("golden");
  const Audio speech = decoded("speech/speech_16k.wav");
  const auto difference = [&](std::string_view config, std::span<const Audio> clips,
                              const std::string& name) {
    const Result<NamedTensors> tensors =
        made(config)->extract_batch(clips, {.attention_mask = true});
    EXPECT_TRUE(tensors.ok()) << tensors.status().to_string();
    return largest_difference(tensors->front().tensor.data<float>(), golden[name]);
  };
  const std::vector<Audio> second{part(speech, 0, 16'000), part(speech, 0, 8'000)};
  const std::vector<Audio> shorter{part(speech, 0, 12'000), part(speech, 0, 6'000)};
  EXPECT_LT(difference(kWav2Vec2, std::span(second).first(1), "wav2vec2-ctc.one.input_values"),
            2e-6);
  EXPECT_LT(difference(kWav2Vec2, second, "wav2vec2-ctc.padded.input_values"), 2e-6);
  EXPECT_LT(difference(kWav2Vec2, shorter, "hubert-audiocls.padded.input_values"), 2e-6);
  EXPECT_LT(difference(R"({"feature_extractor_type": "ASTFeatureExtractor", "max_length": 96,
                           "num_mel_bins": 32})",
                       std::span(second).first(1), "ast-audiocls.one.input_values"),
            1e-5);
  EXPECT_LT(difference(R"({"feature_extractor_type": "WhisperFeatureExtractor",
                           "chunk_length": 2})",
                       std::span(second).first(1), "whisper"),
            1e-4);
}

// The same speech in other encodings: 24 and 32 bits hold 16 exactly, and so does float.
// row 68
TEST(FeatureExtractor, EveryWavEncodingGivesTheReference) {
  const Expected golden("golden");
  const Audio speech = decoded("speech/speech_16k.wav");
  std::string wide;
  for (size_t i = 0; i < 16'000; ++i) {
    wide +=
        little_endian(static_cast<uint32_t>(static_cast<int32_t>(speech.samples[i] * 8388608)), 3);
  }
  const auto extractor = made(R"({"feature_extractor_type": "WhisperFeatureExtractor",
                                  "chunk_length": 2})");
  const std::string narrow = fixture("speech/speech_16k.wav");
  for (const std::string& file :
       {wav_file({.data = narrow.substr(narrow.size() - 64'000, 32'000)}),
        wav_file({.bits = 24, .data = wide}),
        wav_file(
            {.code = 3, .bits = 32, .data = chars_of(std::span(speech.samples).first(16'000))})}) {
    const Result<DecodedAudio> sound = decode_audio(as_bytes(file));
    ASSERT_TRUE(sound.ok()) << sound.status().to_string();
    const NamedTensors tensors = *extractor->extract(sound->audio);
    EXPECT_LT(largest_difference(tensors[0].tensor.data<float>(), golden["whisper"]), 1e-3)
        << sound->format.encoding;
  }
}

// On the left too, and with its own value.
TEST(FeatureExtractor, ABatchIsFilledUpWherePaddingSays) {
  const auto extractor =
      made(R"({"feature_extractor_type": "Wav2Vec2FeatureExtractor", "padding_side": "left",
               "padding_value": -1.5, "do_normalize": false, "return_attention_mask": true})");
  const std::vector<Audio> clips{{.samples = {1, 2, 3}, .rate = 16'000},
                                 {.samples = {4}, .rate = 16'000}};
  const NamedTensors tensors = *extractor->extract_batch(clips);
  EXPECT_THAT(tensors[0].tensor.data<float>(), testing::ElementsAre(1, 2, 3, -1.5, -1.5, 4));
  EXPECT_THAT(tensors[1].tensor.data<int32_t>(), testing::ElementsAre(1, 1, 1, 0, 0, 1));
}

TEST(FeatureExtractor, SaysWhatItMakes) {
  const auto whisper = made(kWhisper);
  EXPECT_EQ(whisper->info().output, "input_features");
  EXPECT_EQ(whisper->info().shape, (Shape{80, 3000}));
  EXPECT_EQ(whisper->info().samples_max, 480'000);
  EXPECT_EQ(whisper->info().rate, 16'000);
  const auto ast = made(R"({"feature_extractor_type": "ASTFeatureExtractor"})");
  EXPECT_EQ(ast->info().shape, (Shape{1024, 128}));
  EXPECT_EQ(ast->info().samples_max, 1023 * 160 + 400);
  const auto wav2vec2 = made(R"({"return_attention_mask": true})", "hubert");
  EXPECT_EQ(wav2vec2->info().shape, Shape{-1});
  EXPECT_EQ(wav2vec2->info().samples_max, 0);
  EXPECT_TRUE(wav2vec2->info().attention_mask);
  // The newer form of the files.
  const auto nested =
      made(R"({"processor_class": "WhisperProcessor", "feature_extractor": {"feature_size": 128,
               "feature_extractor_type": "WhisperFeatureExtractor"}})");
  EXPECT_EQ(nested->info().shape, (Shape{128, 3000}));
}

// row 70
TEST(FeatureExtractor, FlacGivesWhatItsWavGives) {
  for (const char* config : {kWav2Vec2, kWhisper}) {
    const auto extractor = made(config);
    const NamedTensors wav = *extractor->extract(decoded("speech/speech_16k.wav"));
    const NamedTensors flac = *extractor->extract(decoded("speech/speech_16k.flac"));
    EXPECT_TRUE(std::ranges::equal(wav[0].tensor.bytes(), flac[0].tensor.bytes()));
  }
}

TEST(FeatureExtractor, ABatchGivesWhatItsClipsGive) {
  const Audio speech = decoded("speech/speech_16k.wav");
  std::vector<Audio> clips;
  for (size_t i = 0; i < 20; ++i) clips.push_back(part(speech, i * 700, 14'000 + i * 900));
  for (const char* config : {kWav2Vec2, R"({"feature_extractor_type": "ASTFeatureExtractor"})",
                             R"({"feature_extractor_type": "WhisperFeatureExtractor",
                                 "chunk_length": 2})"}) {
    const auto extractor = made(config);
    const Tensor batch = (*extractor->extract_batch(clips))[0].tensor;
    const size_t row = batch.count() / clips.size();
    for (size_t i = 0; i < clips.size(); ++i) {
      const Tensor one = (*extractor->extract(clips[i]))[0].tensor;
      EXPECT_TRUE(
          std::ranges::equal(one.data<float>(), batch.data<float>().subspan(i * row, one.count())))
          << config << " " << i;
    }
  }
}

TEST(FeatureExtractor, SilenceIsAnAnswer) {
  const Audio silence{.samples = std::vector<float>(16'000, 0.0F), .rate = 16'000};
  for (const char* config :
       {kWav2Vec2, kWhisper, R"({"feature_extractor_type": "ASTFeatureExtractor"})"}) {
    const Result<NamedTensors> tensors = made(config)->extract(silence);
    ASSERT_TRUE(tensors.ok());
    for (const float each : tensors->front().tensor.data<float>()) ASSERT_TRUE(std::isfinite(each));
  }
}

TEST(FeatureExtractor, RefusesClipsItCannotUse) {
  const auto refused = [](std::string_view config, const Audio& clip, std::string_view message) {
    const Status status = made(config)->extract(clip).status();
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << status.to_string();
    EXPECT_THAT(status.message(), HasSubstr(message));
  };
  refused(kWhisper, {.samples = {0.5F}, .rate = 44'100},
          "expected sound of 16000 samples per second, found 44100; resample it first");
  refused(kWav2Vec2, {.rate = 16'000}, "found no samples");
  refused(kWav2Vec2, {.samples = {0, std::nanf("")}, .rate = 16'000}, "found nan at 1");
  refused(R"({"feature_extractor_type": "ASTFeatureExtractor"})",
          {.samples = std::vector<float>(399), .rate = 16'000},
          "expected at least 400 samples (25 ms), found 399");
  const std::vector<Audio> clips{{.samples = {1}, .rate = 16'000}, {.samples = {}, .rate = 16'000}};
  const auto extractor = made(kWav2Vec2);
  EXPECT_THAT(extractor->extract_batch(clips).status().message(), HasSubstr("clip 1: "));
  EXPECT_THAT(extractor->extract_batch({}).status().message(), HasSubstr("found none"));
}

TEST(FeatureExtractor, RefusesConfigsByName) {
  const auto refused = [](const std::string& kind, const std::string& fields,
                          std::string_view message) {
    const std::string config =
        "{\"feature_extractor_type\": \"" + kind + "FeatureExtractor\", " + fields + "}";
    const Status status = make_feature_extractor(config).status();
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << config << status.to_string();
    EXPECT_THAT(status.message(), HasSubstr(message));
  };
  refused("Whisper", R"("dither": 0.1)", "dither: expected 0");
  refused("Whisper", R"("n_fft": 401)", "prime factors");
  refused("Whisper", R"("n_fft": 0, "feature_size": "80")",
          "feature_size: expected an integer from 1 to 1024, found \"80\"; n_fft: expected");
  refused("Whisper", R"("hop_length": 0)", "hop_length: expected an integer from 1");
  refused("Whisper", R"("chunk_length": 1e300)", "chunk_length: expected an integer");
  refused("Whisper", R"("chunk_length": 18446744073709551615)",
          "chunk_length: expected an integer");
  refused("Whisper", R"("chunk_length": 80000)", "expected at most 67108864");
  refused("Whisper", R"("chunk_length": 2000, "hop_length": 1, "n_fft": 4096)",
          "frames times n_fft");
  refused("Whisper", R"("padding_side": "up")", "padding_side");
  refused("Wav2Vec2", R"("feature_size": 80)", "feature_size: expected an integer from 1 to 1");
  refused("Wav2Vec2", R"("sampling_rate": 0)", "sampling_rate");
  refused("Wav2Vec2", R"("do_normalize": 1)", "do_normalize: expected true or false, found 1");
  refused("AST", R"("sampling_rate": 8000)", "sampling_rate: expected an integer from 16000");
  refused("AST", R"("std": 0)", "std: expected a number from 1e-06");
  refused("AST", R"("max_length": 1000000000)", "max_length");
  const Status other =
      make_feature_extractor(R"({"feature_extractor_type": "ClapFeatureExtractor"})").status();
  EXPECT_EQ(other.code(), StatusCode::kUnimplemented);
  EXPECT_THAT(other.message(),
              HasSubstr("one of ASTFeatureExtractor, Wav2Vec2FeatureExtractor, "
                        "WhisperFeatureExtractor, found \"ClapFeatureExtractor\""));
  EXPECT_THAT(make_feature_extractor("{}", "bert").status().message(),
              HasSubstr("found none, and the model type \"bert\""));
  EXPECT_THAT(make_feature_extractor("[]").status().message(), HasSubstr("found array"));
  EXPECT_FALSE(make_feature_extractor("").ok());
}

// row 79 (partial: measured and recorded; the bound holds in an optimised build)
TEST(FeatureExtractor, AMinuteIsQuick) {
  const auto extractor = made(R"({"feature_extractor_type": "WhisperFeatureExtractor",
                                  "chunk_length": 60})");
  const Audio minute = tone(440, 60, 16'000);
  double best = HUGE_VAL;
  for (int i = 0; i < 3; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    ASSERT_TRUE(extractor->extract(minute).ok());
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
    best = std::min(best, took.count());
  }
  RecordProperty("milliseconds", std::to_string(best));
#ifdef NDEBUG
  EXPECT_LT(best, 500) << best;  // ten times the promise: other work may share the machine
#endif
}

}  // namespace
}  // namespace accel::audio
