#include "engine/loaded_model.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <future>

#include "base/stopwatch.h"
#include "base/try.h"
#include "engine/decision_log.h"
#include "engine/embed_all.h"
#include "engine/fit_inputs.h"
#include "engine/local_manager.h"
#include "engine/model_report.h"
#include "pipelines/fallback_report.h"
#include "pipelines/text/embedding_stream.h"
#include "runtime/token_batches.h"

namespace accel::engine {
namespace {

// The tensors of a run copied out of the session's memory.
NamedTensors copy_out(const NamedTensors& outputs) {
  NamedTensors copies;
  for (const NamedTensor& output : outputs) {
    Tensor copy = Tensor::allocate(output.tensor.dtype(), output.tensor.shape());
    std::ranges::copy(output.tensor.bytes(), copy.mutable_data());
    copies.push_back({output.name, std::move(copy)});
  }
  return copies;
}

void add_counts(const runtime::BatcherStatistics& counts, ModelStatistics& sum) {
  sum.submitted += counts.submitted;
  sum.answered += counts.answered;
  sum.failed += counts.failed;
  sum.cancelled += counts.cancelled;
  sum.late += counts.late;
  sum.refused += counts.refused;
  sum.waiting += counts.waiting;
  sum.padded_tokens += counts.padded_tokens;
}

void add_shares(const std::vector<runtime::MemberStatistics>& members, ModelStatistics& sum) {
  for (const runtime::MemberStatistics& one : members) {
    sum.batches += one.batches;
    sum.fallbacks += one.fallbacks;
    sum.rows += one.rows;
    sum.tokens += one.tokens;
    auto share = std::ranges::find(sum.shares, one.device, &ModelStatistics::Share::device);
    if (share == sum.shares.end()) {
      sum.shares.push_back({.device = one.device, .weight = one.weight});
      share = sum.shares.end() - 1;
    }
    share->rows += one.rows;
    share->batches += one.batches;
    share->worked_seconds += one.worked_seconds;
  }
}

// Of tensors that one runs as they are: the first axis of the first that has any.
int64_t rows_of(const NamedTensors& inputs) {
  const auto shaped = std::ranges::find_if(
      inputs, [](const NamedTensor& input) { return !input.tensor.shape().empty(); });
  return shaped == inputs.end() ? 1 : shaped->tensor.shape()[0];
}

void add_isolation(const CompiledGraph& graph, ModelStatistics& sum) {
  for (const auto& model : graph.compiled) {
    sum.hangs += model->hangs();
    const std::optional<backend::WorkerState> worker = model->worker();
    if (!worker) continue;
    sum.workers.push_back({.device = model->executed().device,
                           .pid = worker->pid,
                           .starts = worker->starts,
                           .crashes = worker->crashes,
                           .hangs = worker->hangs});
  }
}

// A part of the CPU runs as many batches at a time as it has threads, or as were asked for.
backend::CompileOptions options_of(const runtime::DeviceMember& member,
                                   backend::CompileOptions options) {
  options.device = member.name;
  options.cores = member.cores;
  if (member.threads == 0) return options;
  options.threads = member.threads;
  options.streams = std::min(options.streams, member.threads);
  return options;
}

// Of the weights: as they are read, and as the engine packs them.
constexpr uint64_t kCopiesWhileLoading = 2;

// Whether what `member` runs takes this process's memory.
bool takes_memory_here(const runtime::DeviceMember& member, Isolation isolation) {
  return isolation != Isolation::kProcess && member.cores.empty() && member.name.starts_with("CPU");
}

constexpr int32_t kPadOfEmbeddings = 0;  // any would do: it is masked

// What embed() gives, whatever else the folder may be for.
models::GraphRequest dense_embedding(bool normalize = true) {
  return {.sentence = true, .embedding = models::EmbeddingKind::kDense, .normalize = normalize};
}

std::string name_of(const models::GraphRequest& request) {
  if (request.sentence) {
    return std::string(
        models::to_string(request.embedding.value_or(models::EmbeddingKind::kDense)));
  }
  return std::string(models::to_string(request.head.value_or(models::Head::kBase)));
}

std::string cache_key(const models::GraphRequest& request) {
  return fmt::format("{}|{}|{}|{}|{}|{}", fmt::join(request.inputs, ","),
                     request.head ? models::to_string(*request.head) : "", request.sentence,
                     request.embedding ? models::to_string(*request.embedding) : "",
                     request.normalize, request.hidden_states);
}

// Where the model lies: of another place it is another model, though one of the same content shares
// its entries.
std::string label_of(const std::filesystem::path& path) {
  std::error_code error;
  const auto absolute = std::filesystem::absolute(path, error);
  return (error ? path : absolute).lexically_normal().string();
}

}  // namespace

Keeping worth_keeping(std::string_view source, std::string_view device) {
  const bool native = source == "native";
  // IR is itself the graph that would be kept, and of GGUF it is made in milliseconds.
  const bool quick = native || source == "openvino-ir" || source == "gguf";
  return {.graph = !quick, .compiled = !native || device != "CPU"};
}

int64_t tokens_of_batches(const BatchSizes& sizes) {
  return sizes.max_tokens > 0 ? sizes.max_tokens : runtime::kBatchTokens;
}

int64_t rows_of_batches(const BatchSizes& sizes) {
  return sizes.max_rows > 0 ? sizes.max_rows : runtime::CutLimits().max_rows;
}

void CompiledGraph::release_sources() {
  if (released.exchange(true)) return;
  for (const auto& source : sources) source->release_pages();
}

std::vector<std::shared_ptr<runtime::Batcher>> CompiledGraph::batchers(int32_t pad_id,
                                                                       const Cutting& cutting) {
  const std::lock_guard lock(mutex);
  if (batchers_made.empty()) {
    const BatchSizes& sizes = cutting.sizes;
    runtime::CutLimits limits{.max_tokens = tokens_of_batches(sizes),
                              .max_rows = rows_of_batches(sizes)};
    if (sizes.overhead_tokens > 0) limits.overhead_tokens = sizes.overhead_tokens;
    for (const runtime::MemberMask mask : pool->routes().masks) {
      batchers_made.push_back(
          runtime::Batcher::create(pool, {.limits = limits,
                                          .pad_id = pad_id,
                                          .only = mask,
                                          .foreign_load = cutting.foreign_load,
                                          .after_batch = [this] { release_sources(); }}));
    }
  }
  return batchers_made;
}

LoadedModel::LoadedModel(Parts parts, ModelReport report)
    : parts_(std::move(parts)), report_(std::move(report)) {}

Result<std::shared_ptr<LoadedModel>> LoadedModel::create(Parts parts, Use use) {
  ACCEL_ASSIGN(ModelReport report, report_of(*parts.folder, parts.head));
  std::shared_ptr<LoadedModel> model(new LoadedModel(std::move(parts), std::move(report)));
  if (use == Use::kEmbed) {
    // The tokenizer is parsed while the engine compiles.
    auto tokenizer =
        std::async(std::launch::async, [&] { return model->embedding_model().status(); });
    const Status compiled = model->graph(dense_embedding()).status();
    ACCEL_TRY(tokenizer.get());
    ACCEL_TRY(compiled);
  }
  return model;
}

pipelines::EmbeddingModel LoadedModel::embedding_model_of(
    std::shared_ptr<const text::Tokenizer> tokenizer) const {
  const models::SentenceModules& sentence = parts_.folder->sentence();
  return {.tokenizer = std::move(tokenizer),
          .max_tokens = report_.max_tokens,
          .vocabulary = report_.vocabulary,
          .size = report_.embedding_size,
          .lower_case = sentence.lower_case,
          .normalized = sentence.normalize,
          .prompts = sentence.prompts,
          .default_prompt = sentence.default_prompt};
}

Result<LoadedModel::EmbeddingModelPtr> LoadedModel::embedding_model() {
  {
    const std::lock_guard lock(mutex_);
    if (!loaded_) return failed_precondition(report_.path + ": not loaded");
    if (embedding_model_) return embedding_model_;
  }
  if (!parts_.folder->has_family()) {
    return failed_precondition(report_.path +
                               ": nothing says how the graph embeds texts; put the config.json and "
                               "tokenizer.json of its model beside it");
  }
  if (!parts_.folder->embeds_text()) {
    return failed_precondition(fmt::format("{}: sentences are embedded by models of text; {} takes "
                                           "none",
                                           report_.path, report_.family));
  }
  ACCEL_ASSIGN(const std::string json, parts_.folder->tokenizer_json());
  auto tokenizer = text::Tokenizer::from_json(json);
  if (!tokenizer.ok()) {
    return tokenizer.status().with_context(report_.path + ": its tokenizer");
  }
  auto model =
      std::make_shared<const pipelines::EmbeddingModel>(embedding_model_of(std::move(*tokenizer)));
  const std::lock_guard lock(mutex_);
  if (loaded_) embedding_model_ = model;
  return EmbeddingModelPtr(model);
}

Result<LoadedModel::GraphPtr> LoadedModel::embedding_graph() { return graph(dense_embedding()); }

Result<LoadedModel::GraphPtr> LoadedModel::graph(const models::GraphRequest& request) {
  const std::string key = cache_key(request);
  {
    const std::lock_guard lock(mutex_);
    if (!loaded_) return failed_precondition(report_.path + ": not loaded");
    if (const auto it = graphs_.find(key); it != graphs_.end()) return it->second;
  }
  ACCEL_ASSIGN(GraphPtr made, compile(request));
  const std::lock_guard lock(mutex_);
  if (!loaded_) return made;  // unloaded meanwhile: for this call only
  return graphs_.emplace(key, std::move(made)).first->second;
}

Result<CachedModel> LoadedModel::compile_for(
    const models::GraphRequest& request, const backend::CompileOptions& options,
    std::vector<std::shared_ptr<const MappedFile>>& sources) const {
  const Keeping keep = worth_keeping(report_.source, options.device);
  CachedModel ready;
  if (parts_.cache != nullptr && (keep.graph || keep.compiled)) {
    ACCEL_ASSIGN(ready, compile_cached(request, options, keep, sources));
  } else {
    ACCEL_ASSIGN(models::BuiltGraph built, parts_.folder->build(request));
    ACCEL_ASSIGN(ready.model, parts_.backend->compile(built.model, options));
    sources.insert(sources.end(), built.sources.begin(), built.sources.end());
  }
  const backend::Executed& executed = ready.model->executed();
  if (executed.precision != options.precision) {
    return unavailable(fmt::format("{} does not compute in {} on this machine (it would run {}); "
                                   "choose --precision {} or auto",
                                   executed.device, to_string(options.precision),
                                   to_string(executed.precision), to_string(executed.precision)));
  }
  return ready;
}

std::vector<runtime::StandIn> LoadedModel::stand_ins(const models::GraphRequest& request) const {
  std::vector<runtime::StandIn> others;
  for (const Parts::Alternative& one : parts_.alternatives) {
    const auto compile =
        [one, request,
         folder = parts_.folder]() -> Result<std::shared_ptr<const backend::CompiledModel>> {
      ACCEL_ASSIGN(const models::BuiltGraph built, folder->build(request));
      return one.backend->compile(built.model, one.compile);
    };
    others.push_back({one.candidate, compile});
  }
  return others;
}

Result<LoadedModel::GraphPtr> LoadedModel::compile(const models::GraphRequest& request) const {
  auto graph = std::make_shared<CompiledGraph>();
  graph->name = name_of(request);
  std::vector<runtime::PoolMember> members;
  for (const runtime::DeviceMember& member : parts_.members) {
    const backend::CompileOptions options = options_of(member, parts_.compile);
    const std::shared_ptr<runtime::MemoryRoom> room =
        takes_memory_here(member, parts_.isolation) ? parts_.memory_room : nullptr;
    std::optional<runtime::MemoryRoom::Hold> hold;
    if (room) {
      const uint64_t bytes = kCopiesWhileLoading * memory_needed(report_, options.precision);
      auto held = room->hold(bytes);
      if (!held.ok()) return held.status().with_context(report_.path + ": its weights");
      hold.emplace(std::move(*held));
    }
    ACCEL_ASSIGN(CachedModel ready, compile_for(request, options, graph->sources));
    const backend::Executed& executed = ready.model->executed();
    // Of cores the worker process tells in its device's name.
    const std::string device = member.threads > 0 && member.cores.empty()
                                   ? fmt::format("{}/{}", executed.device, member.threads)
                                   : executed.device;
    if (members.empty()) {
      graph->report = {.model = report_.path,
                       .backend = parts_.backend->info().name,
                       .device = device,
                       .isolation = parts_.isolation,
                       .precision = executed.precision,
                       .streams = executed.streams,
                       .threads = executed.threads,
                       .notices = parts_.notices,
                       .kernels = executed.kernels,
                       .fallback = !parts_.fallback_reason.empty(),
                       .fallback_reason = parts_.fallback_reason,
                       .local_reason = parts_.local_reason,
                       .simulated = parts_.simulated,
                       .source = report_.source,
                       .precision_source = parts_.precision_source,
                       .streams_source = parts_.streams_source,
                       .cache = std::move(ready.report),
                       .memory_bytes = parts_.memory_bytes,
                       .memory_bytes_max = parts_.memory_bytes_max,
                       .warmed_up = parts_.warmed_up};
    } else {
      graph->report.device += "+" + device;
      graph->report.streams += executed.streams;
      graph->report.threads += executed.threads;
    }
    graph->compiled.push_back(ready.model);
    members.push_back(
        {.model = std::move(ready.model),
         .sessions = executed.streams,
         .device =
             parts_.members.size() == 1 ? device : fmt::format("{}#{}", device, members.size()),
         .weight = member.weight,
         .where = {parts_.candidate.backend, device, parts_.candidate.precision},
         .stand_ins = stand_ins(request),
         .on_fallback =
             [log = parts_.log, path = report_.path](const runtime::RunFallback& fallback) {
               log->write(LogLevel::kWarning, LogPart::kFallback,
                          fmt::format("{}: a run: {}", path, fallback.reason));
             },
         .room = room});
  }
  graph->pool = std::make_shared<runtime::SessionPool>(std::move(members), parts_.routes);
  log_decisions(*parts_.log, graph->report);
  return graph;
}

Result<CachedModel> LoadedModel::compile_cached(
    const models::GraphRequest& request, const backend::CompileOptions& options,
    const Keeping& keep, std::vector<std::shared_ptr<const MappedFile>>& sources) const {
  ACCEL_ASSIGN(const models::ModelFolder::Files files, parts_.folder->files());
  const store::ContentHashes& hashes = parts_.cache->hashes();
  ACCEL_ASSIGN(const std::string weights, hashes.of_contents(files.weights));
  ACCEL_ASSIGN(const std::string settings, hashes.of_contents(files.settings));
  const auto make = [&]() -> Result<std::shared_ptr<const ov::Model>> {
    ACCEL_ASSIGN(models::BuiltGraph built, parts_.folder->build(request));
    sources.insert(sources.end(), built.sources.begin(), built.sources.end());
    return std::shared_ptr<const ov::Model>(std::move(built.model));
  };
  return parts_.cache->compile(*parts_.backend,
                               {.parts = {{"source", report_.source},
                                          {"weights", weights},
                                          {"config", settings},
                                          {"request", cache_key(request)}},
                                .label = label_of(report_.path),
                                .make = make,
                                .keep_graph = keep.graph,
                                .keep_compiled = keep.compiled},
                               options);
}

Result<EmbedResult> LoadedModel::embed(const std::vector<std::string>& texts,
                                       const EmbedOptions& options) {
  ACCEL_ASSIGN(const EmbeddingModelPtr model, embedding_model());
  ACCEL_ASSIGN(const GraphPtr ready, graph(dense_embedding(options.normalize)));
  if (options.batch_tokens == 0 && texts.size() == 1) {
    return embed_one(*model, *ready, texts.front(), options);
  }
  Result<EmbedResult> result = embed_all(*model, *ready->pool, texts,
                                         {.embed = options,
                                          .batch_tokens = tokens_of_batches(parts_.cutting.sizes),
                                          .report = ready->report});
  if (result.ok() && !texts.empty()) ready->release_sources();
  return result;
}

// Beside what other callers want at the same time. Of several texts the caller may expect the same
// numbers each time, and gets them: their batches are their own.
Result<EmbedResult> LoadedModel::embed_one(const pipelines::EmbeddingModel& model,
                                           CompiledGraph& ready, const std::string& text,
                                           const EmbedOptions& options) const {
  const auto start = Clock::now();
  ACCEL_ASSIGN(const pipelines::RowFinish finish, row_finish(model, options));
  ACCEL_ASSIGN(const std::string prompt, pipelines::find_prompt(model, options.prompt));
  auto tokenized = pipelines::prepare(model, prompt, text, options.strict_utf8);
  if (!tokenized.ok()) return tokenized.status().with_context("text 0");
  EmbedResult result{.tokens = {static_cast<int32_t>(tokenized->ids.size())},
                     .truncated = {tokenized->truncated},
                     .replaced_utf8 = tokenized->replaced_utf8,
                     .times = {.tokenize = seconds_since(start)},
                     .report = ready.report};
  const runtime::ContentRoutes& routes = ready.pool->routes();
  const size_t route = routes.route_of(pipelines::facts_of(*tokenized, /*rows=*/1));
  const std::shared_ptr<runtime::Batcher> batcher =
      ready.batchers(kPadOfEmbeddings, parts_.cutting)[route];
  ACCEL_ASSIGN(const runtime::RowsAnswer answer,
               batcher->run({.rows = {pipelines::row_of(*tokenized)}}));
  if (!routes.rules.empty()) {
    result.devices = {answer.report.device};
    result.report.device = answer.report.device;
  }
  result.times.infer = answer.report.infer_seconds;
  pipelines::tell_fallback(answer.report.fallback.get(), result.report);
  result.padded_tokens = static_cast<uint64_t>(answer.report.padded_tokens);
  const int64_t size = finish.dimensions > 0 ? finish.dimensions : model.size;
  result.embeddings = Tensor::allocate(DType::kF32, {1, size});
  pipelines::finish_row(answer.outputs.front().front().tensor.data<float>(), finish,
                        reinterpret_cast<float*>(result.embeddings.mutable_data()));
  return result;
}

Result<std::unique_ptr<EmbeddingStream>> LoadedModel::embed_stream(
    const EmbedStreamOptions& options) {
  if (options.window_texts < 1 || options.window_ms < 0) {
    return invalid_argument(fmt::format(
        "expected window_texts of at least 1 and window_ms of at least 0, found {} and {}",
        options.window_texts, options.window_ms));
  }
  ACCEL_ASSIGN(const EmbeddingModelPtr model, embedding_model());
  ACCEL_ASSIGN(const GraphPtr ready, graph(dense_embedding(options.embed.normalize)));
  ACCEL_ASSIGN(pipelines::RowFinish finish, row_finish(*model, options.embed));
  ACCEL_ASSIGN(std::string prompt, pipelines::find_prompt(*model, options.embed.prompt));
  const int64_t tokens = options.embed.batch_tokens;
  pipelines::EmbeddingStreamOptions settings{
      .window_texts = options.window_texts,
      .window_age = std::chrono::milliseconds(options.window_ms),
      .batch_tokens = tokens > 0 ? tokens : tokens_of_batches(parts_.cutting.sizes),
      .strict_utf8 = options.embed.strict_utf8,
      .finish = finish,
      .prompt = std::move(prompt),
      .report = ready->report,
      .after_batch = [ready] { ready->release_sources(); },
  };
  return std::unique_ptr<EmbeddingStream>(
      std::make_unique<pipelines::TextEmbeddingStream>(model, ready->pool, std::move(settings)));
}

Result<InferResult> LoadedModel::infer(const NamedTensors& inputs, const InferOptions& options) {
  models::GraphRequest request{.head = parts_.head, .hidden_states = options.hidden_states};
  if (!request.head) {
    ACCEL_ASSIGN(request.head, parts_.folder->head());
  }
  const std::vector<models::InputSpec> specs = parts_.folder->inputs(*request.head);
  ACCEL_ASSIGN(const NamedTensors fitted, fit_inputs(inputs, specs, parts_.folder->facts()));
  // In one order, so that each set of inputs is compiled once.
  for (const models::InputSpec& spec : specs) {
    if (find(fitted, spec.name) != nullptr) request.inputs.emplace_back(spec.name);
  }
  ACCEL_ASSIGN(const GraphPtr ready, graph(request));
  const runtime::ContentRoutes& routes = ready->pool->routes();
  const size_t route = routes.route_of(runtime::facts_of(fitted));
  ACCEL_ASSIGN(runtime::SessionPool::Lease session,
               ready->pool->acquire({.only = routes.masks[route]}));
  session->refuse_nan(false);  // the caller's inputs may be made to give it
  session.used_for(/*tokens=*/1, rows_of(fitted));
  NamedTensors outputs;
  ACCEL_TRY(session->run(fitted, outputs));
  ready->release_sources();
  InferResult result{copy_out(outputs), ready->report};
  if (!routes.rules.empty()) result.report.device = session.device();
  pipelines::tell_fallback(session->fallback().get(), result.report);
  return result;
}

ModelStatistics LoadedModel::statistics() const {
  std::vector<GraphPtr> graphs;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [request, graph] : graphs_) graphs.push_back(graph);
  }
  ModelStatistics sum;
  for (const GraphPtr& graph : graphs) {
    const std::lock_guard lock(graph->mutex);
    for (const auto& batcher : graph->batchers_made) add_counts(batcher->statistics(), sum);
    add_shares(graph->pool->statistics(), sum);
    add_isolation(*graph, sum);
  }
  return sum;
}

Result<std::vector<GraphReport>> LoadedModel::graphs() {
  std::vector<GraphPtr> compiled;
  {
    const std::lock_guard lock(mutex_);
    if (!loaded_) return failed_precondition(report_.path + ": not loaded");
    for (const auto& [key, graph] : graphs_) compiled.push_back(graph);
  }
  std::vector<GraphReport> reports;
  for (const GraphPtr& graph : compiled) {
    ACCEL_ASSIGN(LayersReport layers, graph->pool->model().layers());
    reports.push_back({graph->name, graph->report, std::move(layers)});
  }
  return reports;
}

Status LoadedModel::unload() {
  std::map<std::string, GraphPtr> gone;  // outlives the lock: one may still be written to the cache
  const std::lock_guard lock(mutex_);
  if (!loaded_) return failed_precondition(report_.path + ": not loaded");
  loaded_ = false;
  gone.swap(graphs_);
  plans_.clear();
  embedding_model_.reset();
  task_model_.reset();
  return {};
}

}  // namespace accel::engine
