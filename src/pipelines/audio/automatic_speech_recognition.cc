// automatic-speech-recognition: a sound to its words, by models with CTC. A long recording goes
// through in windows whose middles are put together, as the reference's pipelines do it with
// chunk_length_s.
#include <fmt/format.h>

#include <algorithm>

#include "base/try.h"
#include "pipelines/audio/audio_rows.h"
#include "pipelines/audio/audio_tasks.h"
#include "pipelines/audio/speech_windows.h"
#include "text/ctc.h"

namespace accel::pipelines {
namespace {

Result<text::CtcOptions> spans_of(const std::optional<std::string>& timestamps) {
  if (!timestamps) return text::CtcOptions{};
  if (*timestamps == "word") return text::CtcOptions{.words = true};
  if (*timestamps == "char") return text::CtcOptions{.characters = true};
  return invalid_argument(
      fmt::format("timestamps: expected word or char, found '{}'", *timestamps));
}

// The best tokens of the frames that count, one window behind the other.
Result<std::vector<int64_t>> ids_of(const std::vector<SpeechWindow>& windows,
                                    std::span<const NamedTensors> outputs) {
  std::vector<int64_t> all;
  for (size_t i = 0; i < windows.size(); ++i) {
    const Tensor* logits = find(outputs[i], "logits");  // [frames, tokens]
    const auto width = static_cast<size_t>(logits->shape()[1]);
    ACCEL_ASSIGN(const std::vector<int64_t> ids, text::best_ids(logits->data<float>(), width));
    const int64_t first = std::min(windows[i].first_frame, std::ssize(ids));
    const int64_t there = std::ssize(ids) - first;
    const int64_t count = windows[i].frames < 0 ? there : std::min(windows[i].frames, there);
    all.insert(all.end(), ids.begin() + first, ids.begin() + first + count);
  }
  return all;
}

}  // namespace

Result<Prepared> prepare_speech_recognition(const TaskModel& model, const TaskInput& input,
                                            const TaskOptions& options) {
  if (!model.transcripts) {
    return failed_precondition(
        "automatic-speech-recognition: expected a model with CTC and its vocab.json; the folder "
        "has none");
  }
  ACCEL_ASSIGN(const text::CtcOptions spans, spans_of(options.timestamps));
  ACCEL_ASSIGN(const audio::Audio sound, decode_sound(model, input));
  const int64_t frame = model.frames.samples_per_frame;
  const std::vector<SpeechWindow> windows =
      cut_speech(std::ssize(sound.samples), speech_limits(sound.rate, frame));
  Prepared prepared;
  for (const SpeechWindow& window : windows) {
    ACCEL_ASSIGN(runtime::Row row, sound_row(model, sound, static_cast<size_t>(window.begin),
                                             static_cast<size_t>(window.end)));
    prepared.rows.push_back(std::move(row));
  }
  const double seconds_per_frame = static_cast<double>(frame) / static_cast<double>(sound.rate);
  prepared.finish = [decoder = model.transcripts, windows, spans, seconds_per_frame](
                        std::span<const NamedTensors> outputs) -> Result<TaskResult> {
    ACCEL_ASSIGN(const std::vector<int64_t> ids, ids_of(windows, outputs));
    ACCEL_ASSIGN(text::CtcText decoded, decoder->decode(ids, spans));
    Transcript transcript{.text = std::move(decoded.text)};
    if (spans.words || spans.characters) {
      transcript.chunks.emplace();
      for (text::CtcSpan& span : spans.words ? decoded.words : decoded.characters) {
        transcript.chunks->push_back({std::move(span.text),
                                      static_cast<double>(span.begin) * seconds_per_frame,
                                      static_cast<double>(span.end) * seconds_per_frame});
      }
    }
    return TaskResult{.answer = std::move(transcript)};
  };
  return prepared;
}

}  // namespace accel::pipelines
