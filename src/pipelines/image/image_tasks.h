// The tasks over images: the prepare() of each, one file per task, for the list in tasks.cc.
// `model` outlives what is prepared.
#pragma once

#include "pipelines/task.h"

namespace accel::pipelines {

Result<Prepared> prepare_image_classification(const TaskModel& model, const TaskInput& input,
                                              const TaskOptions& options);
Result<Prepared> prepare_image_feature_extraction(const TaskModel& model, const TaskInput& input,
                                                  const TaskOptions& options);
Result<Prepared> prepare_image_segmentation(const TaskModel& model, const TaskInput& input,
                                            const TaskOptions& options);
Result<Prepared> prepare_object_detection(const TaskModel& model, const TaskInput& input,
                                          const TaskOptions& options);
Result<Prepared> prepare_zero_shot_image_classification(const TaskModel& model,
                                                        const TaskInput& input,
                                                        const TaskOptions& options);

}  // namespace accel::pipelines
