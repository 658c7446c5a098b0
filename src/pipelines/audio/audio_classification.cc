// audio-classification: a sound to labels with scores.
#include <algorithm>

#include "audio/feature_extractor.h"
#include "base/try.h"
#include "pipelines/audio/audio_rows.h"
#include "pipelines/audio/audio_tasks.h"
#include "pipelines/labels.h"

namespace accel::pipelines {
namespace {

// Where the model has no limit of its own: attention takes memory by the square of the length.
constexpr int64_t kSecondsMax = 60;

}  // namespace

Result<Prepared> prepare_audio_classification(const TaskModel& model, const TaskInput& input,
                                              const TaskOptions& options) {
  ACCEL_ASSIGN(const ScoreFunction function,
               score_function(options.function, model.problem_type, model.labels.size()));
  ACCEL_ASSIGN(const audio::Audio sound, decode_sound(model, input));
  const int64_t own = model.sounds->info().samples_max;
  const auto most = static_cast<size_t>(own > 0 ? own : kSecondsMax * sound.rate);
  const size_t count = std::min(sound.samples.size(), most);
  ACCEL_ASSIGN(runtime::Row row, sound_row(model, sound, 0, count));
  Prepared prepared;
  prepared.rows.push_back(std::move(row));
  prepared.finish = finish_labels(model, {.function = function,
                                          .top = options.top_k.value_or(5),
                                          .truncated = count < sound.samples.size()});
  return prepared;
}

}  // namespace accel::pipelines
