#include "accel/engine.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <limits>

#include "accel/version.h"
#include "backends/faulty/faulty_backend.h"
#include "backends/openvino/openvino_backend.h"
#include "backends/reference/reference_backend.h"
#include "base/log.h"
#include "base/stopwatch.h"
#include "base/try.h"
#include "engine/chosen_setting.h"
#include "engine/convert.h"
#include "engine/device_places.h"
#include "engine/graph_cache.h"
#include "engine/isolation.h"
#include "engine/known_backends.h"
#include "engine/load_first.h"
#include "engine/load_limits.h"
#include "engine/loaded_model.h"
#include "engine/logged_backend.h"
#include "engine/machine_speed.h"
#include "engine/model_report.h"
#include "engine/placement_choice.h"
#include "engine/remembered_tunings.h"
#include "engine/stated_model.h"
#include "engine/user_converters.h"
#include "engine/weight_verification.h"
#include "hardware/acceleration_switch.h"
#include "hardware/cpu.h"
#include "hardware/foreign_load.h"
#include "hardware/former_devices.h"
#include "hardware/limits.h"
#include "hub/locate.h"
#include "models/families/families.h"
#include "models/model_folder.h"
#include "models/model_tree.h"
#include "pipelines/task.h"
#include "runtime/fallback.h"
#include "runtime/memory_room.h"
#include "store/content_hash.h"
#include "store/facts.h"

namespace accel {
namespace engine {
namespace {

// A bound that no model meets and that keeps one to the graph that is measured.
constexpr auto kOneGraphAlone = std::numeric_limits<uint64_t>::max();
// Of larger models the reference is too slow to be timed in passing, and loses in any case.
constexpr uint64_t kMostParametersOfReference = 100'000'000;
constexpr int kMostThreads = 1024;  // each stream is a thread of ours, too

models::Exported exported_of(UseOptimum use) {
  if (use == UseOptimum::kTrue) return models::Exported::kTake;
  return use == UseOptimum::kFalse ? models::Exported::kLeave : models::Exported::kAuto;
}

// What infer() is to compute for the task that is asked for; none: what the folder says.
Result<std::optional<models::Head>> head_for(const models::ModelFolder& folder,
                                             const LoadOptions& options) {
  if (options.task.empty()) return std::optional<models::Head>();
  const Result<const pipelines::Task*> task = pipelines::find_task(options.task);
  if (options.use == Use::kRun) ACCEL_TRY(task.status());
  // A model that has what the task needs beside its own head keeps that.
  const Result<models::Head> own = folder.head();
  if (task.ok() && own.ok() && (*task)->serves(models::to_string(*own))) {
    return std::optional<models::Head>(*own);
  }
  ACCEL_ASSIGN(const models::Head head,
               models::parse_head(task.ok() ? (*task)->head : options.task));
  return std::optional<models::Head>(head);
}

// What came of trying a candidate, told to the log.
Result<std::shared_ptr<Model>> logged_attempt(const Log& log, const runtime::Candidate& candidate,
                                              const std::string& reason,
                                              Result<std::shared_ptr<Model>> model) {
  const auto say = [&](LogLevel level, const std::string& text) {
    log.write(level, LogPart::kFallback, text);
  };
  if (!model.ok()) {
    say(LogLevel::kDebug,
        fmt::format("cannot load on {}: {}", describe(candidate), model.status().message()));
  } else if (!reason.empty()) {
    say(LogLevel::kWarning, reason);
  } else {
    say(LogLevel::kDebug, fmt::format("none needed: loaded on {}", describe(candidate)));
  }
  return model;
}

class LocalEngine : public Engine {
 public:
  LocalEngine(const EngineOptions& options, std::filesystem::path cache_dir,
              std::unique_ptr<store::Facts> facts, std::shared_ptr<const Log> log,
              const std::vector<backend::Fault>& faults)
      : options_(options),
        log_(std::move(log)),
        cache_dir_(std::move(cache_dir)),
        faults_(faults),
        converters_(options.converters, cache_dir_, log_),
        facts_(std::move(facts)),
        memory_room_(runtime::make_memory_room(options.memory_cap)),
        processor_(hardware::read_cpu()),
        cpu_(processor_.identity()),
        usable_cores_(hardware::read_cpu_limits().usable),
        backends_(all_backends()),
        tunings_(*facts_, cpu_, usable_cores_, *backends_.find("openvino")) {
    log_->write(LogLevel::kDebug, LogPart::kEngine,
                fmt::format("accel {}, cache {}, {} threads of {}", kVersion, cache_dir_.string(),
                            usable_cores_, cpu_));
  }

  std::vector<FamilyReport> families() override;
  std::vector<std::string> heads() override;
  std::vector<TaskReport> tasks() override;
  Result<std::vector<FoundModel>> find_models(const std::string& tree) override;
  Result<ModelReport> describe(const std::string& path, UseOptimum use_optimum) override {
    ACCEL_ASSIGN(const auto located, hub::locate_model(path));
    ACCEL_ASSIGN(const auto caches, this->caches());
    ACCEL_ASSIGN(const OpenedModel opened,
                 converters_.open(located, {.exported = exported_of(use_optimum),
                                            .memory = caches->graphs.get()}));
    return report_of(*opened.folder);
  }
  Result<VerifyReport> verify(const std::string& path) override {
    ACCEL_ASSIGN(const auto located, hub::locate_model(path));
    ACCEL_ASSIGN(const OpenedModel opened, converters_.open(located, {}));
    return verify_weights(*opened.folder);
  }
  Result<std::shared_ptr<Model>> load(const LoadOptions& options) override;
  Result<ConvertReport> convert(const ConvertOptions& options) override;
  Result<MeasureReport> measure(const std::string& path, const std::string& device,
                                double seconds) override;
  std::optional<PathCosts> path_costs(const std::string& path) override {
    const auto located = hub::locate_model(path);
    if (!located.ok()) return std::nullopt;
    const auto known = tunings_.find({.backend = "openvino", .device = "CPU"}, located->string());
    return known ? known->paths : std::nullopt;
  }
  std::vector<BackendReport> backends() override { return backends_.reports(); }
  std::vector<DeviceReport> devices() override { return backends_.devices(); }
  Result<MachineSpeed> machine_speed(Measuring measuring) override;
  bool simulates() const override {
    return !options_.simulated_devices.empty() || !options_.simulated_faults.empty();
  }

 private:
  // What is kept of graphs: made at first use, for most of what an engine is asked needs none.
  struct Caches {
    std::shared_ptr<const GraphCache> compiled;
    std::unique_ptr<const models::foreign::GraphMemory> graphs;
  };
  KnownBackends::Parts all_backends() const;
  Result<const Caches*> caches();
  // `backend` as runs of that isolation need it.
  Result<BackendPtr> runner_for(const BackendPtr& backend, const runtime::Candidate& candidate,
                                Isolation isolation, const LoadOptions& options) const;
  std::vector<LoadedModel::Parts::Alternative> alternatives(
      std::span<const runtime::Candidate> others, const LoadOptions& options,
      backend::CompileOptions compile) const;
  // Loads `folder`, which lies at options.path, as one candidate says; see load_first().
  struct Request {
    std::shared_ptr<const models::ModelFolder> folder;
    std::span<const runtime::Candidate> others;  // where its runs may fall back to
    std::vector<std::string> notices;
    std::string fallback_reason;
    std::string local_reason;
  };
  Result<std::shared_ptr<Model>> load_on(const runtime::Candidate& candidate,
                                         const LoadOptions& options, const Request& request);

  const EngineOptions options_;
  const std::shared_ptr<const Log> log_;
  const std::filesystem::path cache_dir_;
  const std::vector<backend::Fault> faults_;
  const UserConverters converters_;
  const std::unique_ptr<store::Facts> facts_;
  const std::shared_ptr<hardware::ForeignLoad> foreign_load_ =
      std::make_shared<hardware::ForeignLoad>();
  const std::shared_ptr<runtime::MemoryRoom> memory_room_;  // null: memory has no bound
  const hardware::CpuInfo processor_;
  const std::string cpu_;  // its identity
  const int usable_cores_;
  const KnownBackends backends_;
  const RememberedTunings tunings_;
  std::mutex mutex_;
  std::unique_ptr<const Caches> caches_;  // guarded by mutex_ while it is made
};

KnownBackends::Parts LocalEngine::all_backends() const {
  const auto made = [&](std::unique_ptr<backend::Backend> backend) {
    return logged(backend::make_faulty_backend(std::move(backend), faults_), log_);
  };
  return {.backends = {{"openvino", made(backend::make_openvino_backend())},
                       {"reference", made(backend::make_reference_backend())}},
          .probe = options_.probe,
          .simulated_devices = options_.simulated_devices,
          .processor = processor_,
          .facts = facts_.get()};
}

Result<const LocalEngine::Caches*> LocalEngine::caches() {
  const std::lock_guard lock(mutex_);
  if (!caches_) {
    ACCEL_ASSIGN(std::shared_ptr<const GraphCache> compiled,
                 GraphCache::create({.cache_dir = cache_dir_, .cpu = cpu_, .log = log_}));
    auto graphs = std::make_unique<const models::foreign::GraphMemory>(
        models::foreign::GraphMemoryOptions{.folder = cache_dir_ / "graphs",
                                            .hashes = &compiled->hashes(),
                                            .build = accel_build(compiled->hashes())});
    caches_ = std::make_unique<const Caches>(Caches{compiled, std::move(graphs)});
  }
  return caches_.get();
}

Result<std::shared_ptr<Model>> LocalEngine::load(const LoadOptions& options) {
  Placement placement = requested_placement(options, hardware::read_acceleration_switch(),
                                            options_.simulated_devices);
  if (!backend::openvino_backend_is_built()) {
    placement = placement_without_openvino(std::move(placement));
  }
  if (placement.precision == Precision::kI8 || placement.precision == Precision::kI4) {
    return unimplemented(
        fmt::format("precision {} is not available yet; expected auto, f32, bf16 or f16",
                    to_string(placement.precision)));
  }
  if (std::min(options.streams, options.threads) < 0 ||
      std::max(options.streams, options.threads) > kMostThreads) {
    return invalid_argument(fmt::format("streams and threads: expected 0 (chosen) to {}, found {} "
                                        "and {}",
                                        kMostThreads, options.streams, options.threads));
  }
  ACCEL_TRY(runtime::check_rules(options.rules));
  ACCEL_TRY(runtime::check_rules_of(options.rules, options.device));
  const auto engine = backends_.find(placement.backend);
  if (engine.status().code() == StatusCode::kNotFound) return engine.status();
  ACCEL_ASSIGN(const std::filesystem::path located, hub::locate_model(options.path));
  ACCEL_ASSIGN(const Caches* const caches, this->caches());
  ACCEL_ASSIGN(const OpenedModel opened,
               converters_.open(located, {.exported = exported_of(options.use_optimum),
                                          .memory = options.cache ? caches->graphs.get() : nullptr,
                                          .model_format = options.model_format,
                                          .keep = options.cache}));
  LoadOptions resolved = options;
  resolved.path = opened.converter.empty() ? located.string() : opened.folder->path().string();
  if (opened.converter == options.model_format) resolved.model_format.clear();
  ACCEL_TRY(check_stated(*opened.folder, resolved));
  ACCEL_ASSIGN(DevicePlaces places,
               places_of(engine.ok() ? engine->get() : nullptr, placement.device));
  if (!opened.notice.empty()) places.notices.push_back(opened.notice);
  const auto began = Clock::now();
  const std::vector<runtime::Candidate> candidates = runtime::load_candidates(
      {placement.backend, placement.device, placement.precision}, places.devices, options.fallback);
  auto model =
      load_first(candidates, [&](const runtime::Candidate& candidate, const std::string& reason) {
        const auto others =
            std::span(candidates).subspan(static_cast<size_t>(&candidate - candidates.data()) + 1);
        return logged_attempt(
            *log_, candidate, reason,
            load_on(candidate, resolved,
                    {.folder = opened.folder,
                     .others = options.fallback ? others : std::span<const runtime::Candidate>(),
                     .notices = places.notices,
                     .fallback_reason = reason.empty() ? placement.fallback_reason : reason,
                     .local_reason = placement.local_reason}));
      });
  log_->write(model.ok() ? LogLevel::kInfo : LogLevel::kError, LogPart::kEngine,
              model.ok()
                  ? fmt::format("loaded {} in {:.1f} ms", options.path, 1e3 * seconds_since(began))
                  : fmt::format("not loaded: {}", model.status().message()));
  return model;
}

std::vector<LoadedModel::Parts::Alternative> LocalEngine::alternatives(
    std::span<const runtime::Candidate> others, const LoadOptions& options,
    backend::CompileOptions compile) const {
  std::vector<LoadedModel::Parts::Alternative> found;
  for (const runtime::Candidate& other : others) {
    const Result<BackendPtr> backend = backends_.find(other.backend);
    if (!backend.ok()) continue;
    compile.device = other.device;
    compile.precision =
        chosen_setting(options, other, tunings_.find(other, options.path), usable_cores_).precision;
    found.push_back({other, *backend, compile});
  }
  return found;
}

Result<BackendPtr> LocalEngine::runner_for(const BackendPtr& backend,
                                           const runtime::Candidate& candidate, Isolation isolation,
                                           const LoadOptions& options) const {
  ACCEL_ASSIGN(const BackendPtr apart,
               isolated(backend,
                        {.isolation = isolation,
                         .name = candidate.backend,
                         .cache_dir = cache_dir_,
                         .on_hang =
                             [log = log_, path = options.path](const std::string& line) {
                               log->write(LogLevel::kWarning, LogPart::kEngine, path + ": " + line);
                             }},
                        options.hang_seconds));
  // A process makes its backend again, without the faults.
  return isolation == Isolation::kThread ? apart : backend::make_faulty_backend(apart, faults_);
}

Result<std::shared_ptr<Model>> LocalEngine::load_on(const runtime::Candidate& candidate,
                                                    const LoadOptions& options,
                                                    const Request& request) {
  ACCEL_ASSIGN(const BackendPtr backend, backends_.find(candidate.backend));
  ACCEL_TRY(backends_.probe(candidate.backend));
  ACCEL_ASSIGN(const Caches* const caches, this->caches());
  if (!hardware::fate_of_device(candidate.device).empty()) {
    ACCEL_TRY(check_former_device(candidate.device, backends_.devices_of(*backend)));
  }
  ACCEL_ASSIGN(const runtime::ResolvedDevices devices, find_devices(*backend, candidate.device));
  const Isolation isolation = isolation_of(options, devices);
  ACCEL_ASSIGN(const BackendPtr runner, runner_for(backend, candidate, isolation, options));
  runtime::Candidate first = candidate;
  first.device = devices.members.front().name;
  const ChosenSetting chosen =
      chosen_setting(options, first, tunings_.find(first, options.path), usable_cores_);
  std::vector<std::string> notices = request.notices;
  for (std::string& one : notices_of(devices)) notices.push_back(std::move(one));
  runtime::RoutedRules routed = runtime::routes_over(options.rules, devices.members);
  for (std::string& one : routed.notices) notices.push_back(std::move(one));
  LoadedModel::Parts parts{
      .folder = request.folder,
      .backend = runner,
      .compile = {.device = first.device,
                  .precision = chosen.precision,
                  .streams = options.profile ? 1 : chosen.streams,
                  .threads = chosen.threads,
                  .own_kernels = options.own_kernels,
                  .profile = options.profile,
                  .lone_graph = options.memory_bytes_max == 0 && !memory_room_},
      .members = devices.members,
      .routes = std::move(routed.routes),
      .candidate = candidate,
      .alternatives = {},
      .isolation = isolation,
      .notices = std::move(notices),
      .precision_source = chosen.precision_source,
      .streams_source = chosen.streams_source,
      .cutting = {chosen.sizes, [load = foreign_load_] { return load->share(); }},
      .fallback_reason = request.fallback_reason,
      .local_reason = request.local_reason,
      .simulated = simulates(),
      .head = {},
      .cache = options.cache && !options.profile ? caches->compiled : nullptr,
      .memory_room = memory_room_,
      .log = log_};
  parts.alternatives = alternatives(request.others, options, parts.compile);
  ACCEL_ASSIGN(parts.head, head_for(*request.folder, options));
  // What else is compiled at its first call is tried out here, while another may still be taken.
  const bool may_fall_back = options.fallback || candidate.device != options.device;
  if (may_fall_back && options.use != Use::kEmbed) ACCEL_TRY(runner->check(parts.compile));
  if (options.memory_bytes_max > 0) {
    ACCEL_ASSIGN(const ModelReport report, report_of(*request.folder, parts.head));
    ACCEL_ASSIGN(parts.memory_bytes, admitted_bytes(report, {.bytes_max = options.memory_bytes_max,
                                                             .precision = chosen.precision,
                                                             .copies = parts.members.size()}));
    parts.memory_bytes_max = options.memory_bytes_max;
  }
  parts.warmed_up = warm_up_names(options);
  ACCEL_ASSIGN(std::shared_ptr<LoadedModel> model,
               LoadedModel::create(std::move(parts), options.use));
  ACCEL_TRY(model->warm_up(options).with_context("warm-up"));
  return std::shared_ptr<Model>(std::move(model));
}

Result<ConvertReport> LocalEngine::convert(const ConvertOptions& options) {
  ConvertParts parts;
  ACCEL_ASSIGN(const std::filesystem::path located, hub::locate_model(options.source));
  ACCEL_ASSIGN(OpenedModel opened,
               converters_.open(located, {.exported = exported_of(options.use_optimum)}));
  parts.folder = std::move(opened.folder);
  const bool accelerated =
      hardware::read_acceleration_switch().enabled && backend::openvino_backend_is_built();
  const std::string backend = accelerated ? "openvino" : "reference";
  ACCEL_ASSIGN(parts.backend, backends_.find(backend));
  ACCEL_TRY(backends_.probe(backend));
  const auto hashes = store::ContentHashes::create({.folder = cache_dir_ / "hashes"});
  parts.hashes = hashes.get();
  if (!options.task.empty()) {
    const Result<const pipelines::Task*> task = pipelines::find_task(options.task);
    ACCEL_ASSIGN(parts.head, models::parse_head(task.ok() ? (*task)->head : options.task));
  }
  return convert_model(parts, options);
}

Result<MeasureReport> LocalEngine::measure(const std::string& path, const std::string& device,
                                           double seconds) {
  ACCEL_TRY(check_measurable(simulates(), hardware::read_acceleration_switch()));
  ACCEL_ASSIGN(const BackendPtr engine, backends_.find("openvino"));
  const std::vector<DeviceReport> devices = backends_.devices_of(*engine);
  if (!hardware::fate_of_device(device).empty()) ACCEL_TRY(check_former_device(device, devices));
  ACCEL_ASSIGN(const std::filesystem::path located, hub::locate_model(path));
  ACCEL_ASSIGN(const ModelReport described, describe(located.string(), UseOptimum::kAuto));
  TuningPlan plan{
      .device = device,
      .precisions = {Precision::kF32},  // loading tells what is wrong with it
      .threads = usable_cores_,
      .seconds = seconds,
      .local_too = device == "CPU" && described.parameters <= kMostParametersOfReference};
  for (const DeviceReport& one : devices) {
    if (one.name == device && !one.precisions.empty()) plan.precisions = one.precisions;
  }
  ACCEL_ASSIGN(MeasuredModel measured,
               measure_model(plan, [&](LoadOptions options) -> Result<TunedModel> {
                 options.path = located.string();
                 options.use = Use::kInfer;
                 options.memory_bytes_max = kOneGraphAlone;
                 ACCEL_ASSIGN(const std::shared_ptr<Model> model, load(options));
                 const auto made = std::static_pointer_cast<LoadedModel>(model);  // by load_on()
                 return made->tuned(made);
               }));
  measured.report.remembered = tunings_.keep(device, located.string(), measured.tuning);
  return std::move(measured.report);
}

std::vector<FamilyReport> LocalEngine::families() {
  std::vector<FamilyReport> reports;
  for (const models::Family* family : models::families()) {
    FamilyReport& report =
        reports.emplace_back(FamilyReport{.name = std::string(family->model_type),
                                          .title = std::string(family->title),
                                          .reference = std::string(family->reference),
                                          .architectures = {}});
    for (const models::Architecture& architecture : family->architectures) {
      report.architectures.emplace_back(architecture.name, models::to_string(architecture.head));
    }
  }
  return reports;
}

std::vector<TaskReport> LocalEngine::tasks() {
  std::vector<TaskReport> reports;
  for (const pipelines::Task& task : pipelines::tasks()) {
    reports.push_back(pipelines::report_of(task));
  }
  return reports;
}

std::vector<std::string> LocalEngine::heads() {
  const auto names = models::task_names();
  return {names.begin(), names.end()};
}

Result<std::vector<FoundModel>> LocalEngine::find_models(const std::string& tree) {
  ACCEL_ASSIGN(const auto found,
               models::find_models(tree.empty() ? hub::user_places().cache.string() : tree));
  std::vector<FoundModel> models;
  for (const models::FoundModel& one : found) models.push_back({one.name, one.folder.string()});
  return models;
}

Result<MachineSpeed> LocalEngine::machine_speed(Measuring measuring) {
  if (measuring != Measuring::kAgain) {
    Result<MachineSpeed> known = recall_machine_speed(*facts_, cpu_, usable_cores_);
    if (known.ok() || measuring == Measuring::kNever) return known;
  }
  ACCEL_TRY(check_measurable(simulates(), {}));
  MachineSpeed speed = measure_this_machine(processor_, usable_cores_);
  remember_machine_speed(*facts_, cpu_, speed);
  return speed;
}

}  // namespace
}  // namespace engine

Result<std::unique_ptr<Engine>> Engine::create(const EngineOptions& options) {
  ACCEL_TRY(engine::check_simulated_names(options.simulated_devices));
  ACCEL_TRY(engine::check_converters(options.converters));
  ACCEL_ASSIGN(std::shared_ptr<const Log> log, Log::create(options.log));
  std::filesystem::path folder = options.cache_dir;
  if (folder.empty()) {
    ACCEL_ASSIGN(folder, store::default_cache_dir());
  }
  ACCEL_ASSIGN(const auto faults, backend::parse_faults(options.simulated_faults));
  for (const backend::Fault& fault : faults) {
    if (fault.backend == "openvino" || fault.backend == "reference") continue;
    return invalid_argument(fmt::format("fault '{}': expected the backend openvino or reference",
                                        backend::to_text(fault)));
  }
  auto facts = store::Facts::create({.folder = folder / "facts"});
  return std::unique_ptr<Engine>(std::make_unique<engine::LocalEngine>(
      options, std::move(folder), std::move(facts), std::move(log), faults));
}

std::string_view to_string(Hint hint) {
  switch (hint) {
    case Hint::kUndefined: return "undefined";
    case Hint::kLatency: return "latency";
    case Hint::kThroughput: return "throughput";
  }
  return "";
}

}  // namespace accel
