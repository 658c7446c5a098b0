// audio-feature-extraction: what a sound is to the model, one vector per frame.
#include "base/try.h"
#include "pipelines/audio/audio_rows.h"
#include "pipelines/audio/audio_tasks.h"
#include "pipelines/features.h"

namespace accel::pipelines {

Result<Prepared> prepare_audio_feature_extraction(const TaskModel& model, const TaskInput& input,
                                                  const TaskOptions& options) {
  ACCEL_ASSIGN(const audio::Audio sound, decode_sound(model, input));
  const size_t count = samples_at_once(model, sound);
  ACCEL_ASSIGN(runtime::Row row, sound_row(model, sound, 0, count));
  Prepared prepared;
  prepared.rows.push_back(std::move(row));
  const FeatureOptions features{.pool = options.pool.value_or(false),
                                .truncated = count < sound.samples.size()};
  prepared.finish = [features](std::span<const NamedTensors> outputs) {
    return features_of(outputs[0], features);
  };
  return prepared;
}

}  // namespace accel::pipelines
