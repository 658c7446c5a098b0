#include "pipelines/audio/audio_rows.h"

#include <fmt/format.h>

#include <algorithm>

#include "audio/decode.h"
#include "audio/feature_extractor.h"
#include "base/try.h"

namespace accel::pipelines {

Result<audio::Audio> decode_sound(const TaskModel& model, const TaskInput& input) {
  if (!model.sounds) {
    return failed_precondition(
        "expected a folder with a preprocessor_config.json, which says how the model wants its "
        "sounds; found none");
  }
  ACCEL_ASSIGN(audio::DecodedAudio decoded,
               audio::decode_audio(std::as_bytes(std::span(*input.media)),
                                   {.rate = model.sounds->info().rate}));
  return std::move(decoded.audio);
}

size_t samples_at_once(const TaskModel& model, const audio::Audio& sound) {
  constexpr int64_t kSecondsMax = 60;  // attention takes memory by the square of the length
  const int64_t own = model.sounds->info().samples_max;
  const auto most = static_cast<size_t>(own > 0 ? own : kSecondsMax * sound.rate);
  return std::min(sound.samples.size(), most);
}

Result<runtime::Row> sound_row(const TaskModel& model, const audio::Audio& sound, size_t begin,
                               size_t end) {
  const auto count = static_cast<int64_t>(end - begin);
  if (count < model.frames.samples_min) {
    return invalid_argument(
        fmt::format("expected a sound of at least {} samples at {} Hz, found {}",
                    model.frames.samples_min, sound.rate, count));
  }
  const auto from = sound.samples.begin() + static_cast<std::ptrdiff_t>(begin);
  const audio::Audio clip{.samples = {from, from + static_cast<std::ptrdiff_t>(count)},
                          .rate = sound.rate};
  // Alone in its batch it has no padding that a mask would have to tell.
  ACCEL_ASSIGN(NamedTensors inputs, model.sounds->extract(clip, {.attention_mask = false}));
  return runtime::Row{std::move(inputs)};
}

}  // namespace accel::pipelines
