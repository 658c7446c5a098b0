// Sound files as rows of samples or features: pure.
#pragma once

#include <span>

#include "accel/status.h"
#include "audio/audio.h"
#include "pipelines/task.h"
#include "runtime/row_batches.h"

namespace accel::pipelines {

// The sound of `input.media` at the rate that the model wants. The errors of decode_audio();
// FAILED_PRECONDITION for a model whose folder does not say how it wants sounds.
Result<audio::Audio> decode_sound(const TaskModel& model, const TaskInput& input);

// How many samples from the start of `sound` go through the model together: as many as it takes, or
// a minute of them where it has no limit of its own.
size_t samples_at_once(const TaskModel& model, const audio::Audio& sound);

// The samples [begin, end) of `sound` as the model takes them. INVALID_ARGUMENT for fewer than it
// needs.
Result<runtime::Row> sound_row(const TaskModel& model, const audio::Audio& sound, size_t begin,
                               size_t end);

}  // namespace accel::pipelines
