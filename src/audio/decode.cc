#include "audio/decode.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>
#include <vector>

#include "audio/decoders/sample_source.h"
#include "audio/resample.h"
#include "base/try.h"

namespace accel::audio {
namespace {

constexpr uint64_t kBlockValues = 65'536;  // numbers decoded at once, in all channels
constexpr int64_t kChannelsMax = 1024;     // libsndfile's own

// Takes interleaved blocks; checks, mixes and resamples them.
class Intake {
 public:
  static Result<Intake> create(int64_t channels, int64_t rate, const DecodeOptions& options) {
    if (channels < 1 || channels > kChannelsMax) {
      return invalid_argument(
          fmt::format("expected 1 to {} channels, found {}", kChannelsMax, channels));
    }
    if (!(options.seconds_max > 0)) {
      return invalid_argument(
          fmt::format("seconds_max: expected more than 0, found {}", options.seconds_max));
    }
    const int64_t target = options.rate == 0 ? rate : options.rate;
    ACCEL_ASSIGN(Resampler resampler, Resampler::create(rate, target));
    Intake intake(static_cast<size_t>(channels), rate, options.seconds_max, std::move(resampler));
    intake.audio_.rate = target;
    return intake;
  }

  // RESOURCE_EXHAUSTED for a sound of so many frames.
  Status check_length(uint64_t frames) const {
    if (static_cast<double>(frames) > seconds_max_ * static_cast<double>(rate_)) {
      return resource_exhausted(fmt::format(
          "expected at most {:.6g} seconds of sound, found {:.6g}{}; cut it, or raise the limit",
          seconds_max_, static_cast<double>(frames) / static_cast<double>(rate_),
          frames == frames_ ? " or more" : ""));
    }
    if (frames > kValuesMax / channels_) {
      return resource_exhausted(
          fmt::format("expected at most {} numbers in all channels, found {} frames of {}; mix "
                      "them down or cut them first",
                      kValuesMax, frames, channels_));
    }
    return {};
  }

  // Memory for that many frames, but no more than the file itself makes likely.
  void expect(uint64_t frames, uint64_t bytes) {
    audio_.samples.reserve(std::min(resampler_.result_count(std::min(frames, kValuesMax)), bytes));
  }

  Status take(std::span<const float> interleaved) {
    const size_t frames = interleaved.size() / channels_;
    mono_.resize(frames);
    for (size_t i = 0; i < frames; ++i) {
      float sum = 0;
      for (size_t c = 0; c < channels_; ++c) sum += interleaved[i * channels_ + c];
      mono_[i] = channels_ == 1 ? sum : sum / static_cast<float>(channels_);
      if (!(std::abs(mono_[i]) <= kSampleMax)) {
        return invalid_argument(fmt::format(
            "expected samples of about -1 to 1, found {} in frame {}; the sound is damaged",
            mono_[i], frames_ + i));
      }
    }
    frames_ += frames;
    ACCEL_TRY(check_length(frames_));
    return resampler_.push(mono_, audio_.samples);
  }

  uint64_t frames() const { return frames_; }

  Result<Audio> finish() {
    if (frames_ == 0) return invalid_argument("expected sound, found a file without a sample");
    ACCEL_TRY(resampler_.finish(audio_.samples));
    return std::move(audio_);
  }

 private:
  Intake(size_t channels, int64_t rate, double seconds_max, Resampler resampler)
      : channels_(channels),
        rate_(rate),
        seconds_max_(seconds_max),
        resampler_(std::move(resampler)) {}

  size_t channels_;
  int64_t rate_;
  double seconds_max_;
  Resampler resampler_;
  std::vector<float> mono_;
  uint64_t frames_ = 0;
  Audio audio_;
};

Result<std::unique_ptr<SampleSource>> open_source(std::span<const std::byte> bytes,
                                                  Container container) {
  switch (container) {
    case Container::kMp3: return open_mpeg(bytes);
    case Container::kVorbis: return open_vorbis(bytes);
    default: return open_sndfile(bytes, container);
  }
}

}  // namespace

Result<DecodedAudio> decode_audio(std::span<const std::byte> bytes, const DecodeOptions& options) {
  ACCEL_ASSIGN(const Container container, recognise_container(bytes));
  ACCEL_ASSIGN(const auto source, open_source(bytes, container));
  const SourceFormat& format = source->format();
  ACCEL_ASSIGN(Intake intake, Intake::create(format.channels, format.rate, options));
  const uint64_t promised = format.frames.value_or(0);
  ACCEL_TRY(intake.check_length(promised));
  intake.expect(promised, bytes.size());
  const auto width = static_cast<size_t>(format.channels);
  std::vector<float> block(std::max<size_t>(1, kBlockValues / width) * width);
  while (true) {
    ACCEL_ASSIGN(const size_t frames, source->read(block));
    if (frames == 0) break;
    ACCEL_TRY(intake.take(std::span(block).first(frames * width)));
  }
  DecodedAudio decoded{.format = {.container = container,
                                  .encoding = format.encoding,
                                  .rate = format.rate,
                                  .channels = format.channels,
                                  .frames = intake.frames()}};
  ACCEL_ASSIGN(decoded.audio, intake.finish());
  return decoded;
}

Result<Audio> audio_from_samples(std::span<const float> interleaved, int64_t channels, int64_t rate,
                                 const DecodeOptions& options) {
  ACCEL_ASSIGN(Intake intake, Intake::create(channels, rate, options));
  const auto width = static_cast<size_t>(channels);
  if (interleaved.size() % width != 0) {
    return invalid_argument(fmt::format("expected whole frames of {} channels, found {} samples",
                                        channels, interleaved.size()));
  }
  const uint64_t frames = interleaved.size() / width;
  ACCEL_TRY(intake.check_length(frames));
  intake.expect(frames, interleaved.size_bytes());
  while (!interleaved.empty()) {
    const size_t count = std::min(interleaved.size(), kBlockValues / width * width);
    ACCEL_TRY(intake.take(interleaved.first(count)));
    interleaved = interleaved.subspan(count);
  }
  return intake.finish();
}

}  // namespace accel::audio
