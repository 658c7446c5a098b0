// The tasks over texts: the prepare() of each, one file per task, for the list in tasks.cc. `model`
// outlives what is prepared; inputs are valid UTF-8.
#pragma once

#include "pipelines/task.h"

namespace accel::pipelines {

Result<Prepared> prepare_feature_extraction(const TaskModel& model, const TaskInput& input,
                                            const TaskOptions& options);
Result<Prepared> prepare_fill_mask(const TaskModel& model, const TaskInput& input,
                                   const TaskOptions& options);
Result<Prepared> prepare_multi_vector_embedding(const TaskModel& model, const TaskInput& input,
                                                const TaskOptions& options);
Result<Prepared> prepare_multiple_choice(const TaskModel& model, const TaskInput& input,
                                         const TaskOptions& options);
Result<Prepared> prepare_question_answering(const TaskModel& model, const TaskInput& input,
                                            const TaskOptions& options);
Result<Prepared> prepare_sentence_embedding(const TaskModel& model, const TaskInput& input,
                                            const TaskOptions& options);
Result<Prepared> prepare_sparse_embedding(const TaskModel& model, const TaskInput& input,
                                          const TaskOptions& options);
Result<Prepared> prepare_text_classification(const TaskModel& model, const TaskInput& input,
                                             const TaskOptions& options);
Result<Prepared> prepare_text_ranking(const TaskModel& model, const TaskInput& input,
                                      const TaskOptions& options);
Result<Prepared> prepare_token_classification(const TaskModel& model, const TaskInput& input,
                                              const TaskOptions& options);
Result<Prepared> prepare_zero_shot_classification(const TaskModel& model, const TaskInput& input,
                                                  const TaskOptions& options);

}  // namespace accel::pipelines
