// LoadedModel's tasks.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <thread>

#include "base/try.h"
#include "engine/loaded_model.h"
#include "engine/task_model.h"
#include "pipelines/task_stream.h"
#include "runtime/token_batches.h"

namespace accel::engine {
namespace {

std::vector<std::string_view> names_of_tasks() {
  std::vector<std::string_view> names;
  for (const pipelines::Task& task : pipelines::tasks()) names.push_back(task.name);
  return names;
}

}  // namespace

Result<const pipelines::Task*> LoadedModel::task_for(const std::string& name) const {
  models::Head head = models::Head::kBase;
  if (parts_.head) {
    head = *parts_.head;
  } else {
    ACCEL_ASSIGN(head, parts_.folder->head());
  }
  if (name.empty()) {
    const pipelines::Task* task = pipelines::task_of_head(models::to_string(head));
    if (task != nullptr) return task;
    return failed_precondition(fmt::format(
        "{}: the model is for {}, which is none of the tasks that run: {}; accel embed makes "
        "embeddings of texts, accel infer gives its raw outputs",
        report_.path, models::to_string(head), fmt::join(names_of_tasks(), ", ")));
  }
  ACCEL_ASSIGN(const pipelines::Task* task, pipelines::find_task(name));
  if (task->head == models::to_string(head)) return task;
  return failed_precondition(fmt::format("{}: {} needs a model for {}; this one is for {}",
                                         report_.path, task->name, task->head,
                                         models::to_string(head)));
}

Result<std::shared_ptr<const pipelines::TaskModel>> LoadedModel::task_model() {
  {
    const std::lock_guard lock(mutex_);
    if (!loaded_) return failed_precondition(report_.path + ": not loaded");
    if (task_model_) return task_model_;
  }
  TaskFolder folder{.path = parts_.folder->sentence().transformer,
                    .max_tokens = report_.max_tokens,
                    .vocabulary = report_.vocabulary};
  for (const PortReport& input : report_.inputs) folder.inputs.push_back(input.name);
  if (parts_.folder->embeds_text()) {
    ACCEL_ASSIGN(folder.tokenizer_json, parts_.folder->tokenizer_json());
  }
  ACCEL_ASSIGN(auto model, read_task_model(folder));
  const std::lock_guard lock(mutex_);
  if (loaded_) task_model_ = model;
  return model;
}

Result<std::unique_ptr<TaskStream>> LoadedModel::run_stream(const RunOptions& options) {
  ACCEL_ASSIGN(const pipelines::Task* task, task_for(options.task));
  ACCEL_TRY(pipelines::check_options(*task, options.options));
  ACCEL_ASSIGN(auto model, task_model());
  models::GraphRequest request{.head = parts_.head};
  if (!request.head) {
    ACCEL_ASSIGN(request.head, parts_.folder->head());
  }
  for (const char* name : {"input_ids", "attention_mask", "token_type_ids"}) {
    if (std::ranges::find(model->inputs, name) != model->inputs.end()) {
      request.inputs.emplace_back(name);
    }
  }
  ACCEL_ASSIGN(const GraphPtr ready, graph(request));
  return std::unique_ptr<TaskStream>(std::make_unique<pipelines::PooledTaskStream>(
      *task, std::move(model), ready->pool,
      pipelines::TaskStreamOptions{.task = options.options,
                                   .report = ready->report,
                                   .batch_tokens = runtime::kBatchTokens,
                                   .after_batch = [ready] { ready->release_sources(); }}));
}

Result<RunResult> LoadedModel::run(std::vector<TaskInput> inputs, const RunOptions& options) {
  ACCEL_ASSIGN(const std::unique_ptr<TaskStream> stream, run_stream(options));
  std::thread pusher([&] {
    for (TaskInput& input : inputs) {
      if (!stream->push(std::move(input)).ok()) break;
    }
    stream->close();
  });
  RunResult result{.task = stream->task().name, .report = stream->report()};
  while (std::optional<Result<TaskResult>> item = stream->next()) {
    result.items.push_back(std::move(*item));
  }
  pusher.join();
  result.times = stream->times();
  return result;
}

}  // namespace accel::engine
