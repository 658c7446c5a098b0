#include "audio/decode.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <thread>

#include "audio/fixtures.h"

namespace accel::audio {
namespace {

using testing::HasSubstr;

Result<DecodedAudio> decode(std::string_view file, const DecodeOptions& options = {}) {
  return decode_audio(as_bytes(file), options);
}

std::string float_wav(std::span<const float> samples, uint32_t rate = 16'000,
                      uint16_t channels = 1) {
  return wav_file(
      {.code = 3, .channels = channels, .rate = rate, .bits = 32, .data = chars_of(samples)});
}

void expect_refused(const Result<DecodedAudio>& result, StatusCode code, std::string_view message) {
  EXPECT_EQ(result.status().code(), code) << result.status().to_string();
  EXPECT_THAT(result.status().message(), HasSubstr(message));
}

// What soundfile reads, with the mean of the channels, and what soxr makes of it at 16 kHz.
// row 68 (partial: samples, not features)
TEST(Decode, EqualsTheReferenceInEveryFormat) {
  const Expected expected("formats");
  double lossless_largest = 0;
  double lossy_largest = 0;
  double resampled_largest = 0;
  for (const Json& file : expected.json.at("files")) {
    const auto name = file.at("name").get<std::string>();
    const bool lossy = name.ends_with("ogg") || name.ends_with("mp3");
    const Result<DecodedAudio> own = decode(fixture("formats/" + name));
    ASSERT_TRUE(own.ok()) << name << ": " << own.status().to_string();
    EXPECT_EQ(own->audio.rate, file.at("rate").get<int64_t>()) << name;
    EXPECT_EQ(own->format.rate, own->audio.rate) << name;
    EXPECT_EQ(own->format.channels, file.at("channels").get<int64_t>()) << name;
    EXPECT_EQ(own->format.frames, own->audio.samples.size()) << name;
    EXPECT_FALSE(own->format.encoding.empty()) << name;
    const double difference = largest_difference(own->audio.samples, expected[name]);
    EXPECT_LE(difference, lossy ? 1e-4 : 0) << name;
    double& largest = lossy ? lossy_largest : lossless_largest;
    largest = std::max(largest, difference);
    const Audio speech = decoded("formats/" + name, 16'000);
    EXPECT_EQ(speech.rate, 16'000) << name;
    const double resampled = largest_difference(speech.samples, expected[name + "@16k"]);
    EXPECT_LE(resampled, lossy ? 1e-4 : 3e-6) << name;
    resampled_largest = std::max(resampled_largest, resampled);
  }
  RecordProperty("lossless", std::to_string(lossless_largest));
  RecordProperty("lossy", std::to_string(lossy_largest * 1e6) + "e-6");
  RecordProperty("resampled", std::to_string(resampled_largest * 1e6) + "e-6");
}

TEST(Decode, EqualsTheReferenceForSpeech) {
  const Expected golden("golden");
  for (const char* extension : {"wav", "flac", "mp3"}) {
    const bool lossy = std::string_view(extension) == "mp3";
    const Audio speech = decoded(std::string("speech/speech_16k.") + extension);
    ASSERT_EQ(speech.samples.size(), 32'000U);
    EXPECT_LE(largest_difference(std::span(speech.samples).subspan(8000, 4000),
                                 golden[lossy ? "decode.mp3" : "decode.wav"]),
              lossy ? 1e-4 : 0)
        << extension;
  }
}

TEST(Decode, NamesTheEncoding) {
  const auto encoding = [](std::string_view name) {
    return decode(fixture(std::string("formats/").append(name)))->format.encoding;
  };
  EXPECT_EQ(encoding("s24_stereo_48k.wav"), "Signed 24 bit PCM");
  EXPECT_EQ(encoding("vorbis_mono_11k.ogg"), "Vorbis");
  EXPECT_EQ(encoding("opus_mono_48k.ogg"), "Opus");
  EXPECT_EQ(encoding("mono_16k.mp3"), "MPEG layer III");
}

TEST(Decode, SkipsTags) {
  EXPECT_EQ(decoded("formats/tagged.mp3").samples, decoded("formats/mono_16k.mp3").samples);
}

// row 71
TEST(Decode, SamplesFromMemoryEqualTheFile) {
  std::vector<float> interleaved;
  for (int i = 0; i < 150'000; ++i) {  // more than a block
    interleaved.push_back(static_cast<float>(std::sin(i * 0.011)));
    interleaved.push_back(static_cast<float>(0.5 * std::cos(i * 0.017)));
  }
  for (const int64_t rate : {0, 16'000, 48'000}) {
    const Result<DecodedAudio> file = decode(float_wav(interleaved, 44'100, 2), {.rate = rate});
    const Result<Audio> memory = audio_from_samples(interleaved, 2, 44'100, {.rate = rate});
    ASSERT_TRUE(file.ok() && memory.ok());
    EXPECT_EQ(memory->rate, file->audio.rate);
    EXPECT_EQ(memory->samples, file->audio.samples);
  }
  EXPECT_THAT(audio_from_samples(std::span(interleaved).first(3), 2, 44'100).status().message(),
              HasSubstr("whole frames of 2 channels, found 3"));
  EXPECT_THAT(audio_from_samples(interleaved, 0, 44'100).status().message(),
              HasSubstr("1 to 1024 channels, found 0"));
  EXPECT_THAT(audio_from_samples({}, 1, 44'100).status().message(), HasSubstr("without a sample"));
}

TEST(Decode, SilenceIsSound) {
  const Result<DecodedAudio> silence = decode(wav_file({.data = std::string(3200, '\0')}));
  ASSERT_TRUE(silence.ok());
  EXPECT_EQ(silence->audio.samples, std::vector<float>(1600, 0.0F));
}

TEST(Decode, NothingIsClipped) {
  const std::vector<float> loud{2.5F, -3.0F, 32'768.0F, 1e12F};
  const Result<DecodedAudio> result = decode(float_wav(loud));
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->audio.samples, loud);
}

TEST(Decode, RefusesWhatIsNoAnswer) {
  expect_refused(decode(wav_file({})), StatusCode::kInvalidArgument,
                 "found a file without a sample");
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(), -2e12F}) {
    const std::vector<float> samples{0.5F, 0.25F, bad};
    expect_refused(decode(float_wav(samples)), StatusCode::kInvalidArgument, "in frame 2");
  }
  EXPECT_FALSE(decode(wav_file({.rate = 0, .data = "1234"})).ok());
  expect_refused(decode(wav_file({.rate = 12, .data = "1234"})), StatusCode::kInvalidArgument,
                 "the sound's rate: expected 1000 to 768000 samples per second, found 12");
  expect_refused(decode(wav_file({.data = "1234"}), {.rate = 7}), StatusCode::kInvalidArgument,
                 "the rate to resample to");
  expect_refused(decode(wav_file({.data = "1234"}), {.seconds_max = std::nan("")}),
                 StatusCode::kInvalidArgument, "seconds_max");
  EXPECT_FALSE(decode(wav_file({.channels = 0, .data = "1234"})).ok());
  EXPECT_FALSE(decode(wav_file({.bits = 0, .data = "1234"})).ok());
}

TEST(Decode, NamesEncodingsWithoutADecoder) {
  const Result<DecodedAudio> result = decode(wav_file({.code = 0x0161, .data = "12345678"}));
  EXPECT_FALSE(result.ok());
  EXPECT_THAT(result.status().message(),
              HasSubstr("expected a WAV file that libsndfile can decode"));
}

TEST(Decode, EveryTruncationIsAnAnswer) {
  for (const char* name : {"s16_mono_16k.wav", "s24_mono_16k.flac", "vorbis_mono_11k.ogg",
                           "opus_mono_48k.ogg", "mono_16k.mp3"}) {
    const std::string whole = fixture(std::string("formats/") + name);
    const size_t frames = decode(whole)->format.frames;
    const size_t step = whole.size() / 97 + 1;
    for (size_t size = 0; size < whole.size(); size += step) {
      const Result<DecodedAudio> result = decode(std::string_view(whole).substr(0, size));
      if (!result.ok()) {
        EXPECT_FALSE(result.status().message().empty());
      } else {
        EXPECT_LE(result->format.frames, frames + 2304) << name << " " << size;
      }
    }
  }
  // A FLAC file says how long it is.
  const std::string flac = fixture("speech/speech_16k.flac");
  const Result<DecodedAudio> half = decode(std::string_view(flac).substr(0, flac.size() / 2));
  EXPECT_EQ(half.status().code(), StatusCode::kDataLoss) << half.status().to_string();
  EXPECT_THAT(half.status().message(), HasSubstr("the file is truncated"));
}

// What a program writes to a pipe: it cannot know the length.
TEST(Decode, AStreamedWavGivesWhatItHolds) {
  std::string file = wav_file({.data = std::string(3200, '\1')});
  file.replace(4, 4, "\xFF\xFF\xFF\xFF");
  file.replace(40, 4, "\xFF\xFF\xFF\xFF");
  const Result<DecodedAudio> result = decode(file);
  ASSERT_TRUE(result.ok()) << result.status().to_string();
  EXPECT_EQ(result->format.frames, 1600U);
}

TEST(Decode, HoursAreRefusedBeforeTheyAreDecoded) {
  expect_refused(
      decode(wav_file({.rate = 1000, .data = std::string(6002, '\0')}), {.seconds_max = 3}),
      StatusCode::kResourceExhausted,
      "expected at most 3 seconds of sound, found 3.001; cut it, or raise the limit");
  EXPECT_TRUE(
      decode(wav_file({.rate = 1000, .data = std::string(6000, '\0')}), {.seconds_max = 3}).ok());
  // The number of samples in FLAC's STREAMINFO: 36 bits that end at byte 26. 2^35 are 24 days.
  std::string flac = fixture("formats/s24_mono_16k.flac");
  flac[21] = static_cast<char>(flac[21] | 0x08);
  expect_refused(decode(flac), StatusCode::kResourceExhausted, "expected at most 3600 seconds");
  expect_refused(decode(flac, {.seconds_max = 1e9}), StatusCode::kResourceExhausted,
                 "expected at most 2147483648 numbers in all channels");
  // Under the limits, memory follows the bytes and not the promise; the file is too short for it.
  flac[21] = static_cast<char>(flac[21] & 0xF0);
  flac.replace(22, 4, "\x02\x00\x00\x00");
  EXPECT_EQ(decode(flac).status().code(), StatusCode::kDataLoss);
}

TEST(Decode, ThreadsDoNotDisturbEachOther) {
  const std::string good = fixture("formats/vorbis_stereo_44k.ogg");
  const std::string bad = good.substr(0, 100);
  const std::vector<float> expected = decode(good, {.rate = 16'000})->audio.samples;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 10; ++i) {
        EXPECT_EQ(decode(good, {.rate = 16'000})->audio.samples, expected);
        EXPECT_FALSE(decode(bad).ok());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace accel::audio
