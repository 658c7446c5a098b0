// LoadedModel's tasks.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <thread>

#include "base/try.h"
#include "base/utf8.h"
#include "engine/loaded_model.h"
#include "engine/model_report.h"
#include "engine/task_model.h"
#include "image/processor.h"
#include "pipelines/task_stream.h"
#include "runtime/token_batches.h"
#include "tensors/convert.h"

namespace accel::engine {
namespace {

// Where there are fewer sessions than cores, the rest prepare what comes next.
int task_workers(const backend::CompileOptions& options) {
  return options.threads > options.streams ? options.threads + 1 : options.streams;
}

std::vector<std::string_view> names_of_tasks() {
  std::vector<std::string_view> names;
  for (const pipelines::Task& task : pipelines::tasks()) names.push_back(task.name);
  return names;
}

models::EmbeddingKind kind_of(pipelines::Computes computes) {
  switch (computes) {
    case pipelines::Computes::kSparse: return models::EmbeddingKind::kSparse;
    case pipelines::Computes::kTokens: return models::EmbeddingKind::kTokens;
    default: return models::EmbeddingKind::kDense;
  }
}

// A weight of one number.
std::optional<float> scalar_weight(const models::Checkpoint& checkpoint, std::string_view name) {
  for (const models::Checkpoint::Entry& entry : checkpoint.entries()) {
    if (entry.name != name) continue;
    const Result<Tensor> value = tensors::convert_dtype(checkpoint.tensor(entry), DType::kF32);
    if (value.ok() && value->count() == 1) return value->data<float>()[0];
  }
  return std::nullopt;
}

// Texts of different lengths go through a graph together, padded; without a mask the padding would
// count as text.
Status check_padding(const models::ModelFolder& folder) {
  if (folder.foreign() == nullptr || !folder.has_family()) return {};
  const auto has = [](const auto& specs, std::string_view name) {
    return std::ranges::find(specs, name, &models::InputSpec::name) != std::end(specs);
  };
  const auto own = folder.inputs(models::Head::kBase);
  if (!has(own, "input_ids") || has(own, "attention_mask")) return {};
  if (!has(folder.family().inputs, "attention_mask")) return {};
  return failed_precondition(folder.path().string() +
                             ": the graph has no attention_mask, so texts of different lengths "
                             "would spoil each other; export it with one");
}

// What a photograph becomes for the model; empty where it cannot be told.
Shape pixels_of(const image::ImageProcessor& processor) {
  const Result<image::Image> photograph = image::black_image({.width = 640, .height = 480});
  if (!photograph.ok()) return {};
  const Result<image::ProcessedImage> processed = processor.process(*photograph);
  if (!processed.ok()) return {};
  Shape shape = processed->pixel_values.shape();
  shape.insert(shape.begin(), -1);
  return shape;
}

// Embeddings that keep their length come from a graph of their own.
std::string plan_key(const std::string& task, const TaskOptions& options) {
  return task + (options.normalize.value_or(true) ? "" : " as it is");
}

}  // namespace

Result<models::Head> LoadedModel::head_of() const {
  if (parts_.head) return *parts_.head;
  return parts_.folder->head();
}

Result<const pipelines::Task*> LoadedModel::task_for(const std::string& name) const {
  if (!parts_.folder->has_family()) {
    return failed_precondition(report_.path +
                               ": nothing says what the graph is for; put the config.json of its "
                               "model beside it, or use accel infer, which gives its raw outputs");
  }
  const pipelines::Task* own = own_task_of(*parts_.folder, parts_.head, report_.inputs);
  if (name.empty() && own != nullptr) return own;
  ACCEL_ASSIGN(const models::Head head, head_of());
  if (name.empty()) {
    return failed_precondition(
        fmt::format("{0}: the model is for {1}, which is none of the tasks that run: {2}; its raw "
                    "outputs come from: accel infer {0} --inputs FILE",
                    report_.path, models::to_string(head), fmt::join(names_of_tasks(), ", ")));
  }
  ACCEL_ASSIGN(const pipelines::Task* task, pipelines::find_task(name));
  // What modules make of the states needs no head, or brings its own.
  if (task->computes != pipelines::Computes::kHead) return task;
  if (task->serves(models::to_string(head))) return task;
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
  if (parts_.folder->takes_text()) {
    ACCEL_ASSIGN(folder.tokenizer_json, parts_.folder->tokenizer_json());
  } else if (std::ranges::find(folder.inputs, "input_ids") != folder.inputs.end()) {
    // Images alone go without.
    Result<std::string> json = parts_.folder->tokenizer_json();
    if (json.ok()) folder.tokenizer_json = std::move(*json);
  }
  ACCEL_ASSIGN(const models::Head head, head_of());
  folder.speech = head == models::Head::kSpeechRecognition;
  if (head == models::Head::kZeroShotImage) {
    folder.logit_scale = scalar_weight(parts_.folder->checkpoint(), "logit_scale");
    folder.logit_bias = scalar_weight(parts_.folder->checkpoint(), "logit_bias").value_or(0.0F);
  }
  if (!folder.tokenizer_json.empty()) {
    folder.sentences = embedding_model_of(nullptr);
    const models::SentenceModules& sentence = parts_.folder->sentence();
    if (sentence.kind == models::EmbeddingKind::kTokens) folder.late = sentence.late;
  }
  ACCEL_ASSIGN(auto model, read_task_model(folder));
  const std::lock_guard lock(mutex_);
  if (loaded_) task_model_ = model;
  return model;
}

Result<pipelines::TaskPlan> LoadedModel::make_plan(const pipelines::Task& task, bool normalize) {
  ACCEL_ASSIGN(auto model, task_model());
  ACCEL_TRY(check_padding(*parts_.folder));
  models::GraphRequest request;
  request.sentence = task.computes != pipelines::Computes::kHead;
  if (request.sentence) {
    request.embedding = kind_of(task.computes);
    request.normalize = normalize;
  } else {
    ACCEL_ASSIGN(request.head, head_of());
  }
  pipelines::TaskPlan plan{.task = &task, .model = model};
  for (const auto& names : task.graphs) {
    request.inputs.clear();
    for (const std::string_view name : names) {
      if (model->takes(name)) request.inputs.emplace_back(name);
    }
    if (request.inputs.empty()) {
      return failed_precondition(fmt::format("{}: {} needs a model that takes {}", report_.path,
                                             task.name, fmt::join(names, " or ")));
    }
    ACCEL_ASSIGN(const GraphPtr ready, graph(request));
    plan.graphs.push_back({.inputs = request.inputs,
                           .pool = ready->pool,
                           .batchers = ready->batchers(model->pad_id, parts_.cutting),
                           .after_batch = [ready] { ready->release_sources(); }});
    if (plan.report == nullptr) plan.report = std::make_shared<const RunReport>(ready->report);
  }
  return plan;
}

Result<TunedModel> LoadedModel::tuned(const std::shared_ptr<LoadedModel>& self) {
  const Result<models::Head> head = head_of();
  TunedModel tuned{
      .model = self,
      .limits = sample_limits(*parts_.folder, head.ok() ? *head : models::Head::kBase)};
  if (const auto ready = plan(""); ready.ok()) {
    if (const auto& images = (*ready)->model->images) {
      tuned.limits.shapes["pixel_values"] = pixels_of(*images);
    }
    for (const pipelines::TaskGraph& graph : (*ready)->graphs) tuned.pools.push_back(graph.pool);
  } else {
    ACCEL_TRY(head.status());
    models::GraphRequest request{.head = *head};
    for (const models::InputSpec& spec : parts_.folder->inputs(*head)) {
      if (spec.needed == models::Needed::kAlways) request.inputs.emplace_back(spec.name);
    }
    ACCEL_ASSIGN(const GraphPtr made, graph(request));
    tuned.pools.push_back(made->pool);
  }
  const auto is_text = [](const backend::Port& port) { return port.name == "input_ids"; };
  tuned.texts = std::ranges::any_of(tuned.pools.front()->model().signature().inputs, is_text);
  return tuned;
}

bool LoadedModel::prepared(const std::string& task, const TaskOptions& options) const {
  const std::lock_guard lock(mutex_);
  return plans_.contains(plan_key(task, options));
}

Result<std::shared_ptr<const pipelines::TaskPlan>> LoadedModel::plan(const std::string& name,
                                                                     const TaskOptions& options) {
  const bool normalize = options.normalize.value_or(true);
  const std::string key = plan_key(name, options);
  {
    const std::lock_guard lock(mutex_);
    if (!loaded_) return failed_precondition(report_.path + ": not loaded");
    if (const auto made = plans_.find(key); made != plans_.end()) return made->second;
  }
  ACCEL_ASSIGN(const pipelines::Task* task, task_for(name));
  ACCEL_TRY(pipelines::check_options(*task, options));
  ACCEL_ASSIGN(pipelines::TaskPlan made, make_plan(*task, normalize));
  const auto shared = std::make_shared<const pipelines::TaskPlan>(std::move(made));
  const std::lock_guard lock(mutex_);
  if (!loaded_) return shared;  // unloaded meanwhile: for this call only
  return plans_.emplace(key, shared).first->second;
}

Result<std::shared_ptr<const text::Tokenizer>> LoadedModel::tokenizer() {
  ACCEL_ASSIGN(const auto model, task_model());
  if (model->tokenizer != nullptr) return model->tokenizer;
  return failed_precondition(report_.path + ": expected a model with a tokenizer, found none");
}

Result<std::vector<TextToken>> LoadedModel::tokenize(const std::string& text, bool special_tokens) {
  ACCEL_ASSIGN(const auto tokenizer, this->tokenizer());
  ACCEL_ASSIGN(
      const text::Encoding encoding,
      tokenizer->encode(repair_utf8(text).text,
                        {.add_special_tokens = special_tokens, .offsets = true, .tokens = true}));
  std::vector<TextToken> tokens;
  for (size_t i = 0; i < encoding.ids.size(); ++i) {
    tokens.push_back({.id = encoding.ids[i],
                      .text = encoding.tokens[i],
                      .special = encoding.special_tokens_mask[i] != 0,
                      .begin = encoding.offsets[i].begin,
                      .end = encoding.offsets[i].end});
  }
  return tokens;
}

Result<std::string> LoadedModel::decode(const std::vector<int32_t>& ids, bool skip_special_tokens) {
  ACCEL_ASSIGN(const auto tokenizer, this->tokenizer());
  return tokenizer->decode(ids, skip_special_tokens);
}

Result<std::unique_ptr<TaskStream>> LoadedModel::run_stream(const RunOptions& options) {
  ACCEL_ASSIGN(const auto ready, plan(options.task, options.options));
  ACCEL_TRY(pipelines::check_options(*ready->task, options.options));
  return std::unique_ptr<TaskStream>(std::make_unique<pipelines::PooledTaskStream>(
      ready, pipelines::TaskStreamOptions{.task = options.options,
                                          .batch_tokens = tokens_of_batches(parts_.cutting.sizes),
                                          .batch_rows = rows_of_batches(parts_.cutting.sizes),
                                          .workers = task_workers(parts_.compile)}));
}

Result<std::unique_ptr<PendingItem>> LoadedModel::submit(TaskInput input,
                                                         const SubmitOptions& options) {
  ACCEL_ASSIGN(const auto ready, plan(options.task, options.options));
  ACCEL_TRY(pipelines::check_options(*ready->task, options.options));
  SubmitOptions how = options;
  // A worker process that hangs must not keep the caller.
  if (parts_.isolation == Isolation::kProcess) how.here_ms = 0;
  return pipelines::submit_item(*ready, std::move(input), how);
}

Result<RunResult> LoadedModel::run(std::vector<TaskInput> inputs, const RunOptions& options) {
  if (inputs.size() == 1) return run_one(std::move(inputs.front()), options);
  ACCEL_ASSIGN(const std::unique_ptr<TaskStream> stream, run_stream(options));
  std::thread pusher([&] {
    for (TaskInput& input : inputs) {
      if (!stream->push(std::move(input)).ok()) break;
    }
    stream->close();
  });
  RunResult result{.task = stream->task().name};
  while (std::optional<Result<TaskResult>> item = stream->next()) {
    result.items.push_back(std::move(*item));
  }
  pusher.join();
  result.times = stream->times();
  result.report = stream->report();
  return result;
}

// Beside what other callers want at the same time.
Result<RunResult> LoadedModel::run_one(TaskInput input, const RunOptions& options) {
  ACCEL_ASSIGN(const auto ready, plan(options.task, options.options));
  ACCEL_TRY(pipelines::check_options(*ready->task, options.options));
  RunResult result{.task = std::string(ready->task->name), .report = *ready->report};
  Result<ItemResult> item = pipelines::run_item(*ready, std::move(input),
                                                {.task = options.task, .options = options.options});
  if (!item.ok()) {
    result.items.push_back(item.status());
    return result;
  }
  result.times = {.prepare = item->times.prepare / 1000,
                  .infer = item->times.infer / 1000,
                  .finish = item->times.finish / 1000};
  result.report = *item->report;
  if (!item->result.device.empty() && !result.report.fallback) {
    result.report.device = item->result.device;
  }
  result.items.push_back(std::move(item->result));
  return result;
}

}  // namespace accel::engine
