// For the tests of this folder: the files and numbers of tools/make_audio_fixtures.py.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "accel/tensor.h"
#include "audio/audio.h"
#include "audio/decode.h"
#include "base/files.h"
#include "base/json.h"

namespace accel::audio {

inline std::string fixture(std::string_view name) {
  const auto path = std::filesystem::path(ACCEL_TEST_DATA) / "audio" / name;
  const Result<std::string> text = read_file(path, 16 << 20);
  EXPECT_TRUE(text.ok()) << text.status().to_string();
  return text.ok() ? *text : std::string();
}

inline std::span<const std::byte> as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

// Numbers of the reference: every stride-th of an array, row by row.
struct Sample {
  std::vector<int64_t> shape;
  size_t stride = 1;
  std::vector<float> values;
};

class Expected {
 public:
  explicit Expected(const std::string& name) {
    const Result<Json> parsed = parse_json(fixture(name + ".json"));
    EXPECT_TRUE(parsed.ok()) << parsed.status().to_string();
    if (parsed.ok()) json = *parsed;
    const std::string bytes = fixture(name + ".f32");
    numbers_.resize(bytes.size() / sizeof(float));
    std::memcpy(numbers_.data(), bytes.data(), numbers_.size() * sizeof(float));
  }

  Sample operator[](const std::string& name) const {
    const Json& array = json.at("arrays").at(name);
    Sample sample{.shape = array.at("shape").get<std::vector<int64_t>>(),
                  .stride = array.at("stride").get<size_t>()};
    const size_t count = (*element_count(sample.shape) + sample.stride - 1) / sample.stride;
    const auto begin = numbers_.begin() + array.at("begin").get<ptrdiff_t>();
    sample.values.assign(begin, begin + static_cast<ptrdiff_t>(count));
    return sample;
  }

  Json json;

 private:
  std::vector<float> numbers_;
};

// The largest difference; infinite when the counts do not agree.
inline double largest_difference(std::span<const float> found, const Sample& expected) {
  if (found.size() != *element_count(expected.shape)) return HUGE_VAL;
  double largest = 0;
  for (size_t i = 0; i < expected.values.size(); ++i) {
    const double difference = std::abs(double{found[i * expected.stride]} - expected.values[i]);
    if (!(difference <= largest)) largest = difference;  // NaN too
  }
  return largest;
}

inline Audio decoded(std::string_view name, int64_t rate = 0) {
  Result<DecodedAudio> decoded = decode_audio(as_bytes(fixture(name)), {.rate = rate});
  EXPECT_TRUE(decoded.ok()) << name << ": " << decoded.status().to_string();
  return decoded.ok() ? decoded->audio : Audio();
}

// A WAV file of the given numbers: what tests spoil. Code 1 is PCM, 3 is float.
struct WavParts {
  uint16_t code = 1;
  uint16_t channels = 1;
  uint32_t rate = 16'000;
  uint16_t bits = 16;
  std::string data;
};
inline std::string little_endian(uint64_t value, size_t bytes) {
  std::string text;
  for (size_t i = 0; i < bytes; ++i) text += static_cast<char>(value >> (8 * i) & 0xFF);
  return text;
}
inline std::string wav_file(const WavParts& parts) {
  const uint32_t frame = parts.channels * parts.bits / 8;
  const std::string format = little_endian(parts.code, 2) + little_endian(parts.channels, 2) +
                             little_endian(parts.rate, 4) +
                             little_endian(uint64_t{parts.rate} * frame, 4) +
                             little_endian(frame, 2) + little_endian(parts.bits, 2);
  const std::string chunks = "WAVEfmt " + little_endian(format.size(), 4) + format + "data" +
                             little_endian(parts.data.size(), 4) + parts.data;
  return "RIFF" + little_endian(chunks.size(), 4) + chunks;
}
inline std::string chars_of(std::span<const float> samples) {
  return {reinterpret_cast<const char*>(samples.data()), samples.size_bytes()};
}

// A sine of amplitude 0.5.
inline Audio tone(double hz, double seconds, int64_t rate) {
  Audio audio{.rate = rate};
  audio.samples.resize(static_cast<size_t>(seconds * static_cast<double>(rate)));
  for (size_t i = 0; i < audio.samples.size(); ++i) {
    const double turns = hz * static_cast<double>(i) / static_cast<double>(rate);
    audio.samples[i] = static_cast<float>(0.5 * std::sin(2 * M_PI * turns));
  }
  return audio;
}

}  // namespace accel::audio
