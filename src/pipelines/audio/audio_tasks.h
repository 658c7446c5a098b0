// The tasks over sounds: the prepare() of each, one file per task, for the list in tasks.cc.
// `model` outlives what is prepared.
#pragma once

#include "pipelines/task.h"

namespace accel::pipelines {

Result<Prepared> prepare_audio_classification(const TaskModel& model, const TaskInput& input,
                                              const TaskOptions& options);
Result<Prepared> prepare_audio_feature_extraction(const TaskModel& model, const TaskInput& input,
                                                  const TaskOptions& options);
Result<Prepared> prepare_speech_recognition(const TaskModel& model, const TaskInput& input,
                                            const TaskOptions& options);

}  // namespace accel::pipelines
