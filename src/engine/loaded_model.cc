#include "engine/loaded_model.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <future>

#include "backend/tensor_bridge.h"
#include "base/stopwatch.h"
#include "base/try.h"
#include "engine/decision_log.h"
#include "engine/embed_all.h"
#include "pipelines/fallback_report.h"
#include "pipelines/text/embedding_stream.h"
#include "runtime/token_batches.h"
#include "tensors/convert.h"

namespace accel::engine {
namespace {

PortReport port_report(const models::InputSpec& spec) {
  return {std::string(spec.name), spec.dtype, spec.shape, spec.needed != models::Needed::kAlways};
}

PortReport port_report(const ov::Output<const ov::Node>& output) {
  Shape shape;
  for (const ov::Dimension& size : output.get_partial_shape()) {
    shape.push_back(size.is_static() ? size.get_length() : -1);
  }
  return {output.get_any_name(),
          backend::dtype_of_element(output.get_element_type()).value_or(DType::kF32), shape};
}

std::string describe_inputs(const std::vector<models::InputSpec>& specs) {
  std::vector<std::string> parts;
  for (const models::InputSpec& spec : specs) {
    parts.push_back(fmt::format("{} {}{}{}", spec.name, to_string(spec.dtype),
                                to_string(spec.shape),
                                spec.needed == models::Needed::kAlways ? "" : " (optional)"));
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

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

// Row numbers must lie inside their tables: engines read past them silently.
Status check_indices(const models::Facts& facts, const NamedTensor& input) {
  const auto limit =
      std::ranges::find(facts.index_limits, input.name, &std::pair<std::string, int64_t>::first);
  if (limit != facts.index_limits.end()) {
    const Result<Tensor> wide = tensors::convert_dtype(input.tensor, DType::kI64);
    if (!wide.ok()) return wide.status().with_context(input.name);
    const auto values = wide->data<int64_t>();
    const int64_t least = facts.negative_indices ? -limit->second : 0;
    for (size_t i = 0; i < values.size(); ++i) {
      if (values[i] >= least && values[i] < limit->second) continue;
      return out_of_range(fmt::format("{}: expected values from {} to {}, found {} at element {}",
                                      input.name, least, limit->second - 1, values[i], i));
    }
  }
  int64_t longest = input.name == "input_ids" ? facts.max_positions : 0;
  for (const auto& [name, most] : facts.length_limits) {
    if (name == input.name) longest = most;
  }
  const Shape& shape = input.tensor.shape();
  if (longest <= 0 || shape.size() < 2) return {};
  const int64_t length = shape.size() == 3 ? shape[2] : shape[1];  // of choices, the last
  if (length > longest) {
    return out_of_range(
        fmt::format("{}: expected at most {} tokens, found {}", input.name, longest, length));
  }
  return {};
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

void add_workers(const CompiledGraph& graph, ModelStatistics& sum) {
  for (const auto& model : graph.compiled) {
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

constexpr int32_t kPadOfEmbeddings = 0;  // any would do: it is masked

bool fits(const Shape& shape, const Shape& expected) {
  return std::ranges::equal(
      shape, expected, [](int64_t size, int64_t wanted) { return wanted == -1 || size == wanted; });
}

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

PortReport embedding_port(const models::SentenceModules& sentence, int64_t size) {
  switch (sentence.kind) {
    case models::EmbeddingKind::kDense: return {"sentence_embedding", DType::kF32, {-1, size}};
    case models::EmbeddingKind::kSparse: return {"sparse_embedding", DType::kF32, {-1, size}};
    case models::EmbeddingKind::kTokens: return {"token_embeddings", DType::kF32, {-1, -1, size}};
  }
  return {};
}

// Of the regular files that can be looked at, or of the one that `folder` is.
uint64_t bytes_below(const std::filesystem::path& folder) {
  namespace fs = std::filesystem;
  uint64_t bytes = 0;
  std::error_code error;
  if (fs::is_regular_file(folder, error)) {
    const uint64_t size = fs::file_size(folder, error);
    return error ? 0 : size;
  }
  fs::recursive_directory_iterator at(folder, fs::directory_options::skip_permission_denied, error);
  for (; !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
    std::error_code ignored;
    const bool regular = at->is_regular_file(ignored);
    const uint64_t size = regular ? at->file_size(ignored) : 0;
    if (!ignored) bytes += size;
  }
  return bytes;
}

uint64_t bytes_of(const std::vector<std::filesystem::path>& files) {
  uint64_t bytes = 0;
  for (const std::filesystem::path& file : files) bytes += bytes_below(file);
  return bytes;
}

// How many numbers the weights are, and of which types.
void add_weights(const models::ModelFolder& folder, ModelReport& report) {
  std::map<std::string, uint64_t> counts;
  for (const models::Checkpoint::Entry& entry : folder.checkpoint().entries()) {
    if (is_integer(entry.dtype)) continue;  // buffers such as position_ids
    counts[std::string(to_string(entry.dtype))] += *element_count(entry.shape);
  }
  if (folder.foreign() != nullptr) counts = folder.foreign()->numbers();
  std::vector<std::string> formats;
  for (const auto& [dtype, count] : counts) {
    report.parameters += count;
    formats.push_back(dtype);
  }
  const std::vector<models::gguf::StoredType> stored_types = folder.stored_types();
  if (!stored_types.empty()) formats.clear();
  for (const models::gguf::StoredType& stored : stored_types) {
    formats.push_back(stored.name);
    report.unpacked_tensors += stored.unpacked;
  }
  report.weights_dtype = fmt::format("{}", fmt::join(formats, "+"));
}

Result<std::vector<PortReport>> outputs_of(const models::ModelFolder& folder, models::Head head) {
  std::vector<PortReport> outputs;
  if (folder.foreign() != nullptr) {
    ACCEL_ASSIGN(const auto ports, folder.foreign_outputs(head));
    for (const models::foreign::GraphPort& port : ports) {
      outputs.push_back({port.name, port.dtype, port.shape});
    }
    return outputs;
  }
  ACCEL_ASSIGN(const models::BuiltGraph graph, folder.build({.head = head, .outline = true}));
  for (const auto& output : std::as_const(*graph.model).outputs()) {
    outputs.push_back(port_report(output));
  }
  return outputs;
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

Result<ModelReport> report_of(const models::ModelFolder& folder,
                              std::optional<models::Head> wanted) {
  const Result<models::Head> own = folder.head();
  const models::Head head = wanted.value_or(own.ok() ? *own : models::Head::kBase);
  const models::SentenceModules& sentence = folder.sentence();
  ModelReport report{
      .path = folder.path().string(),
      .family = std::string(folder.family().model_type),
      .architecture = folder.architecture(),
      .source = std::string(folder.source()),
      .tasks = {},
      .hidden_size = folder.facts().hidden_size,
      .layers = folder.facts().layers,
      .vocabulary = folder.facts().vocabulary,
      .max_tokens = folder.max_tokens(),
      .embedding_size = folder.embedding_size(),
      .normalized = sentence.normalize,
      .for_embedding = folder.is_for_embeddings() && sentence.kind == models::EmbeddingKind::kDense,
      .lower_case = sentence.lower_case,
  };
  const bool foreign = folder.foreign() != nullptr;
  if (folder.has_family() && (!foreign || head == models::Head::kBase)) {
    report.tasks.emplace_back("feature-extraction");
  }
  for (const models::InputSpec& spec : folder.inputs(head)) {
    report.inputs.push_back(port_report(spec));
  }
  ACCEL_ASSIGN(report.outputs, outputs_of(folder, head));
  if (folder.embeds_text()) {
    report.tasks.emplace_back(models::to_string(sentence.kind));
    if (!folder.embeds_itself()) {
      report.outputs.push_back(embedding_port(sentence, report.embedding_size));
    }
  }
  if (head != models::Head::kBase) report.tasks.emplace_back(models::to_string(head));
  add_weights(folder, report);
  if (folder.embeds_itself()) report.pooling = "by the graph";
  for (const models::Pooling way : sentence.pooling) {
    if (folder.embeds_itself()) break;
    if (!report.pooling.empty()) report.pooling += "+";
    report.pooling += models::to_string(way);
  }
  for (const auto& [name, text] : sentence.prompts) report.prompts.push_back(name);
  report.bytes_on_disk = foreign ? bytes_of(folder.foreign()->files()) : bytes_below(folder.path());
  return report;
}

int64_t tokens_of_batches(const BatchSizes& sizes) {
  return sizes.max_tokens > 0 ? sizes.max_tokens : runtime::kBatchTokens;
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
    runtime::CutLimits limits{.max_tokens = tokens_of_batches(sizes)};
    if (sizes.overhead_tokens > 0) limits.overhead_tokens = sizes.overhead_tokens;
    if (sizes.max_rows > 0) limits.max_rows = sizes.max_rows;
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
    members.push_back({.model = std::move(ready.model),
                       .sessions = executed.streams,
                       .device = parts_.members.size() == 1
                                     ? device
                                     : fmt::format("{}#{}", device, members.size()),
                       .weight = member.weight,
                       .where = {parts_.candidate.backend, device, parts_.candidate.precision},
                       .stand_ins = stand_ins(request),
                       .on_fallback = [log = parts_.log,
                                       path = report_.path](const runtime::RunFallback& fallback) {
                         log->write(LogLevel::kWarning, LogPart::kFallback,
                                    fmt::format("{}: a run: {}", path, fallback.reason));
                       }});
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

Result<NamedTensors> LoadedModel::fit_inputs(const NamedTensors& inputs,
                                             const std::vector<models::InputSpec>& specs) const {
  NamedTensors fitted;
  std::vector<std::string> problems;
  const std::vector<std::string>& unused = parts_.folder->facts().unused_inputs;
  for (const NamedTensor& input : inputs) {
    const auto spec = std::ranges::find(specs, input.name, &models::InputSpec::name);
    if (spec == specs.end()) {
      if (std::ranges::find(unused, input.name) != unused.end()) continue;
      problems.push_back(fmt::format("{} is no input of this model", input.name));
      continue;
    }
    if (!fits(input.tensor.shape(), spec->shape)) {
      problems.push_back(
          fmt::format("{} has shape {}", input.name, to_string(input.tensor.shape())));
      continue;
    }
    Result<Tensor> converted = tensors::convert_dtype(input.tensor, spec->dtype);
    const bool kind_differs = is_integer(spec->dtype) != is_integer(input.tensor.dtype());
    if (kind_differs || !converted.ok()) {
      problems.push_back(
          fmt::format("{} has dtype {}", input.name, to_string(input.tensor.dtype())));
      continue;
    }
    fitted.push_back({input.name, std::move(*converted)});
  }
  for (const models::InputSpec& spec : specs) {
    if (spec.needed == models::Needed::kAlways && find(inputs, spec.name) == nullptr) {
      problems.push_back(fmt::format("{} is missing", spec.name));
    }
  }
  if (!problems.empty()) {
    return invalid_argument(
        fmt::format("{}; expected {}", fmt::join(problems, ", "), describe_inputs(specs)));
  }
  for (const NamedTensor& input : fitted) {
    ACCEL_TRY(check_indices(parts_.folder->facts(), input));
    const auto spec = std::ranges::find(specs, input.name, &models::InputSpec::name);
    const Tensor* model = find(fitted, spec->like);
    if (model != nullptr && input.tensor.shape() != model->shape()) {
      return invalid_argument(fmt::format("{} has shape {} and {} has shape {}; expected the same",
                                          input.name, to_string(input.tensor.shape()), spec->like,
                                          to_string(model->shape())));
    }
  }
  return fitted;
}

Result<InferResult> LoadedModel::infer(const NamedTensors& inputs, const InferOptions& options) {
  models::GraphRequest request{.head = parts_.head, .hidden_states = options.hidden_states};
  if (!request.head) {
    ACCEL_ASSIGN(request.head, parts_.folder->head());
  }
  const std::vector<models::InputSpec> specs = parts_.folder->inputs(*request.head);
  ACCEL_ASSIGN(const NamedTensors fitted, fit_inputs(inputs, specs));
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
    add_workers(*graph, sum);
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
