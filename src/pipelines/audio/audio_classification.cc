// audio-classification: a sound to labels with scores.
#include "base/try.h"
#include "pipelines/audio/audio_rows.h"
#include "pipelines/audio/audio_tasks.h"
#include "pipelines/labels.h"

namespace accel::pipelines {
Result<Prepared> prepare_audio_classification(const TaskModel& model, const TaskInput& input,
                                              const TaskOptions& options) {
  ACCEL_ASSIGN(const ScoreFunction function,
               score_function(options.function, model.problem_type, model.labels.size()));
  ACCEL_ASSIGN(const audio::Audio sound, decode_sound(model, input));
  const size_t count = samples_at_once(model, sound);
  ACCEL_ASSIGN(runtime::Row row, sound_row(model, sound, 0, count));
  Prepared prepared;
  prepared.rows.push_back(std::move(row));
  prepared.finish = finish_labels(model, {.function = function,
                                          .top = options.top_k.value_or(5),
                                          .truncated = count < sound.samples.size()});
  return prepared;
}

}  // namespace accel::pipelines
