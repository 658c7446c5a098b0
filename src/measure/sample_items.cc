#include "measure/sample_items.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <random>
#include <string_view>
#include <utility>

#include "base/try.h"
#include "image/image.h"
#include "image/png.h"

namespace accel::measure {
namespace {

constexpr std::string_view kStock[] = {
    "the",      "engine",  "reads", "a",        "model",    "folder", "and",    "answers",
    "question", "about",   "rain",  "trains",   "in",       "seven",  "short",  "languages",
    "without",  "waiting", "for",   "you",      "because",  "its",    "small",  "blue",
    "lamp",     "was",     "left",  "on",       "all",      "night",  "beside", "window",
    "where",    "an",      "old",   "gardener", "counted",  "every",  "tree",   "again",
    "before",   "winter",  "came",  "over",     "mountain", "roads",  "closed", "slowly"};

constexpr double kWordsLeast = 4;
constexpr double kWordsMost = 200;
constexpr size_t kDocuments = 8;
constexpr size_t kLabels = 4;

// From 0 to 1, the same with every standard library.
double chance(std::mt19937_64& random) { return static_cast<double>(random() >> 11) * 0x1p-53; }

const TaskInputPart* part_of(const TaskReport& task, std::string_view member) {
  const auto it = std::ranges::find(task.inputs, member, &TaskInputPart::member);
  return it == task.inputs.end() ? nullptr : &*it;
}

Result<std::string> sample_media(std::string_view kind, size_t index, uint64_t seed) {
  struct Sides {
    int width;
    int height;
  };
  constexpr std::array<Sides, 4> kSizes{{{320, 240}, {640, 480}, {480, 640}, {1024, 768}}};
  constexpr std::array<double, 4> kSeconds{1, 2, 4, 8};
  if (kind == "audio") return sample_sound(kSeconds.at(index % kSeconds.size()), seed);
  if (kind == "image") {
    const Sides sides = kSizes.at(index % kSizes.size());
    return sample_picture(sides.width, sides.height, seed);
  }
  return unimplemented("no " + std::string(kind) + " can be made up; give files with --input");
}

void append_little_endian(std::string& bytes, uint32_t value, int size) {
  for (int i = 0; i < size; ++i) bytes += static_cast<char>(value >> (8 * i) & 0xFF);
}

}  // namespace

std::string sample_text(size_t words, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::string text;
  for (size_t i = 0; i < words; ++i) {
    if (i > 0) text += ' ';
    text += kStock[random() % std::size(kStock)];
  }
  return text + '.';
}

std::vector<std::string> sample_texts(size_t count, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<std::string> texts;
  for (size_t i = 0; i < count; ++i) {
    const double words = kWordsLeast * std::pow(kWordsMost / kWordsLeast, chance(random));
    texts.push_back(sample_text(static_cast<size_t>(words), random()));
  }
  return texts;
}

Result<std::string> sample_picture(int width, int height, uint64_t seed) {
  constexpr int kArea = 32;
  constexpr uint64_t kNoise = 24;
  ACCEL_ASSIGN(image::Image picture, image::black_image({width, height}));
  std::mt19937_64 random(seed);
  for (int y = 0; y < height; ++y) {
    const auto row = picture.row(y);
    for (int x = 0; x < width; ++x) {
      const auto area = static_cast<uint64_t>(x / kArea * 7 + y / kArea * 13) + seed;
      for (int c = 0; c < image::kChannels; ++c) {
        const uint64_t ground = area * static_cast<uint64_t>(31 + 17 * c) % 224;
        row[static_cast<size_t>(x) * image::kChannels + static_cast<size_t>(c)] =
            static_cast<uint8_t>(ground + random() % kNoise);
      }
    }
  }
  ACCEL_ASSIGN(const std::vector<std::byte> png, image::encode_png(picture));
  return std::string(reinterpret_cast<const char*>(png.data()), png.size());
}

std::string sample_sound(double seconds, uint64_t seed) {
  constexpr uint32_t kRate = 16'000;
  constexpr double kLoudness = 8000;
  const auto samples = static_cast<uint32_t>(seconds * kRate);
  std::string wav = "RIFF";
  append_little_endian(wav, 36 + samples * 2, 4);
  wav += "WAVEfmt ";
  append_little_endian(wav, 16, 4);
  append_little_endian(wav, 1, 2);  // PCM
  append_little_endian(wav, 1, 2);  // mono
  append_little_endian(wav, kRate, 4);
  append_little_endian(wav, kRate * 2, 4);
  append_little_endian(wav, 2, 2);
  append_little_endian(wav, 16, 2);
  wav += "data";
  append_little_endian(wav, samples * 2, 4);
  std::mt19937_64 random(seed);
  const double pitch = 100 + 120 * chance(random);
  for (uint32_t i = 0; i < samples; ++i) {
    const double t = 2 * std::numbers::pi * static_cast<double>(i) / kRate;
    const double voice =
        std::sin(pitch * t) + 0.5 * std::sin(2.1 * pitch * t) + 0.3 * std::sin(7.3 * pitch * t);
    const double level = 0.5 + 0.5 * std::sin(3 * t);  // three syllables a second
    const double sample = kLoudness * (level * voice + 0.05 * (chance(random) - 0.5));
    append_little_endian(wav, static_cast<uint32_t>(static_cast<int32_t>(sample)), 2);
  }
  return wav;
}

Result<std::vector<TaskInput>> sample_items(const TaskReport& task, const SampleOptions& options) {
  const std::vector<std::string> texts = sample_texts(options.count, options.seed);
  const bool takes_text = part_of(task, "text") != nullptr;
  const TaskInputPart* media = part_of(task, "media");
  const TaskInputPart* choices = part_of(task, "choices");
  const TaskInputPart* second = part_of(task, "second_text");
  std::vector<TaskInput> items;
  for (size_t i = 0; i < options.count; ++i) {
    const uint64_t seed = options.seed + i;
    TaskInput item;
    if (takes_text) item.text = texts[i] + (options.mark.empty() ? "" : " " + options.mark);
    if (second != nullptr && !second->optional) {
      // The long text is what the question asks about.
      item.second_text = std::exchange(item.text, sample_text(8, seed));
    }
    if (choices != nullptr && choices->name == "documents") {
      item.text = sample_text(8, seed);  // a query
      item.choices = sample_texts(kDocuments, seed);
    } else if (choices != nullptr) {
      for (size_t n = 0; n < kLabels; ++n) item.choices.push_back(sample_text(n + 1, seed + n));
    }
    if (media != nullptr) {
      ACCEL_ASSIGN(item.media, sample_media(media->name, i, seed));
    }
    items.push_back(std::move(item));
  }
  return items;
}

}  // namespace accel::measure
