#include "accel/engine.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "accel/version.h"
#include "backends/openvino/openvino_backend.h"
#include "backends/reference/reference_backend.h"
#include "base/try.h"
#include "engine/convert.h"
#include "engine/crash_probe.h"
#include "engine/graph_cache.h"
#include "engine/load_first.h"
#include "engine/load_limits.h"
#include "engine/loaded_model.h"
#include "engine/machine_speed.h"
#include "engine/placement_choice.h"
#include "engine/precision_measurement.h"
#include "engine/stated_model.h"
#include "engine/weight_verification.h"
#include "hardware/acceleration_switch.h"
#include "hardware/cpu.h"
#include "hardware/former_devices.h"
#include "hardware/limits.h"
#include "hub/locate.h"
#include "models/families/families.h"
#include "models/model_folder.h"
#include "models/model_tree.h"
#include "pipelines/task.h"
#include "runtime/device_set.h"
#include "runtime/fallback.h"
#include "store/content_hash.h"
#include "store/facts.h"
#include "store/hash.h"

namespace accel {
namespace engine {
namespace {

using BackendPtr = std::shared_ptr<const backend::Backend>;

constexpr int kMostThreads = 1024;  // each stream is a thread of ours, too

models::Exported exported_of(UseOptimum use) {
  if (use == UseOptimum::kTrue) return models::Exported::kTake;
  return use == UseOptimum::kFalse ? models::Exported::kLeave : models::Exported::kAuto;
}

// Several devices become members that share the work, or, of HETERO, one of the engine's making.
Result<runtime::ResolvedDevices> find_devices(const backend::Backend& backend,
                                              const std::string& text) {
  ACCEL_ASSIGN(const runtime::DeviceSet set, runtime::parse_devices(text));
  if (set.mode == runtime::DeviceMode::kSingle) return runtime::resolve_devices(set, {});
  const std::vector<std::string> present = backend.device_names();
  ACCEL_ASSIGN(runtime::ResolvedDevices found, runtime::resolve_devices(set, present));
  if (found.mode == runtime::DeviceMode::kHetero) {
    std::string names;
    for (const runtime::DeviceMember& member : found.members) {
      names += (names.empty() ? "HETERO:" : ",") + member.name;
    }
    found.members = {{.name = names}};
  }
  return found;
}

std::vector<std::string> notices_of(const runtime::ResolvedDevices& devices) {
  if (devices.dropped.empty()) return {};
  std::vector<std::string> names;
  for (const runtime::DeviceMember& member : devices.members) names.push_back(to_text(member));
  return {fmt::format("{} not on this machine, left out; runs on {}",
                      fmt::join(devices.dropped, ", "), fmt::join(names, " and "))};
}

// The devices to try one after another, and what is said of them.
struct Places {
  std::vector<std::string> devices;
  std::vector<std::string> notices;
};

// Of AUTO those that are there; what else is asked for is one.
Result<Places> places_of(const backend::Backend* backend, const std::string& text) {
  ACCEL_ASSIGN(const runtime::DeviceSet set, runtime::parse_devices(text));
  if (set.mode != runtime::DeviceMode::kAuto || backend == nullptr) return Places{{text}, {}};
  const auto found = runtime::resolve_devices(set, backend->device_names());
  if (!found.ok()) return Places{{text}, {}};  // is said again, and may be fallen back from
  Places places{.devices = {}, .notices = notices_of(*found)};
  for (const runtime::DeviceMember& member : found->members) {
    places.devices.push_back(to_text(member));
  }
  return places;
}

class LocalEngine : public Engine {
 public:
  LocalEngine(const EngineOptions& options, std::filesystem::path cache_dir,
              std::unique_ptr<store::Facts> facts)
      : options_(options),
        cache_dir_(std::move(cache_dir)),
        facts_(std::move(facts)),
        processor_(hardware::read_cpu()),
        cpu_(processor_.identity()),
        usable_cores_(hardware::read_cpu_limits().usable) {
    backends_["openvino"] = backend::make_openvino_backend();
    backends_["reference"] = backend::make_reference_backend();
  }

  std::vector<FamilyReport> families() override;
  std::vector<std::string> heads() override;
  std::vector<TaskReport> tasks() override;
  Result<std::vector<FoundModel>> find_models(const std::string& tree) override;
  Result<ModelReport> describe(const std::string& path, UseOptimum use_optimum) override {
    ACCEL_ASSIGN(const auto located, hub::locate_model(path));
    ACCEL_ASSIGN(const auto caches, this->caches());
    ACCEL_ASSIGN(const auto folder, models::ModelFolder::open(located, exported_of(use_optimum),
                                                              caches->graphs.get()));
    return report_of(*folder);
  }
  Result<VerifyReport> verify(const std::string& path) override {
    ACCEL_ASSIGN(const auto located, hub::locate_model(path));
    ACCEL_ASSIGN(const auto folder, models::ModelFolder::open(located));
    return verify_weights(*folder);
  }
  Result<std::shared_ptr<Model>> load(const LoadOptions& options) override;
  Result<ConvertReport> convert(const ConvertOptions& options) override;
  Result<MeasureReport> measure(const std::string& path, const std::string& device,
                                double seconds) override;
  std::vector<BackendReport> backends() override;
  std::vector<DeviceReport> devices() override;
  Result<MachineSpeed> machine_speed(Measuring measuring) override;
  bool simulates() const override { return !options_.simulated_devices.empty(); }

 private:
  // What is kept of graphs: made at first use, for most of what an engine is asked needs none.
  struct Caches {
    std::shared_ptr<const GraphCache> compiled;
    std::unique_ptr<const models::foreign::GraphMemory> graphs;
  };
  Result<const Caches*> caches();
  Result<BackendPtr> find_backend(const std::string& name) const;
  backend::Info examine(const backend::Backend& backend) const;
  std::vector<DeviceReport> devices_of(const backend::Backend& backend) const;
  Result<store::FactKey> precision_key(const std::string& path, const std::string& device) const;
  // What kAuto means for this model and device.
  std::pair<Precision, std::string> choose_precision(const runtime::Candidate& candidate,
                                                     const std::string& folder) const;
  // Loads `folder`, which lies at options.path, as one candidate says; see load_first().
  struct Request {
    std::shared_ptr<const models::ModelFolder> folder;
    std::vector<std::string> notices;
    std::string fallback_reason;
    std::string local_reason;
  };
  Result<std::shared_ptr<Model>> load_on(const runtime::Candidate& candidate,
                                         const LoadOptions& options, const Request& request);

  const EngineOptions options_;
  const std::filesystem::path cache_dir_;
  const std::unique_ptr<store::Facts> facts_;
  const hardware::CpuInfo processor_;
  const std::string cpu_;  // its identity
  const int usable_cores_;
  std::map<std::string, BackendPtr> backends_;  // never changed after construction
  std::mutex mutex_;
  std::unique_ptr<const Caches> caches_;  // guarded by mutex_ while it is made
};

Result<const LocalEngine::Caches*> LocalEngine::caches() {
  const std::lock_guard lock(mutex_);
  if (!caches_) {
    ACCEL_ASSIGN(std::shared_ptr<const GraphCache> compiled,
                 GraphCache::create({.cache_dir = cache_dir_, .cpu = cpu_}));
    auto graphs = std::make_unique<const models::foreign::GraphMemory>(
        models::foreign::GraphMemoryOptions{.folder = cache_dir_ / "graphs",
                                            .hashes = &compiled->hashes(),
                                            .build = accel_build(compiled->hashes())});
    caches_ = std::make_unique<const Caches>(Caches{compiled, std::move(graphs)});
  }
  return caches_.get();
}

Result<BackendPtr> LocalEngine::find_backend(const std::string& name) const {
  const auto it = backends_.find(name);
  if (it != backends_.end()) return it->second;
  if (name == "pytorch") {
    return unavailable("backend 'pytorch' is in no build of accel yet");
  }
  std::vector<std::string> names;
  for (const auto& [known, backend] : backends_) names.push_back(known);
  return not_found(
      fmt::format("backend '{}' is not known; expected one of: {}", name, fmt::join(names, ", ")));
}

Result<store::FactKey> LocalEngine::precision_key(const std::string& path,
                                                  const std::string& device) const {
  ACCEL_ASSIGN(std::string model, store::model_fingerprint(path));
  return store::FactKey{.kind = "precision",
                        .cpu = cpu_,
                        .engine = backends_.at("openvino")->info().version,
                        .model = std::move(model),
                        .detail = device};
}

std::pair<Precision, std::string> LocalEngine::choose_precision(const runtime::Candidate& candidate,
                                                                const std::string& folder) const {
  if (candidate.precision != Precision::kAuto) return {candidate.precision, "requested"};
  if (candidate.backend != "openvino") return {Precision::kF32, "requested"};
  const auto key = precision_key(folder, candidate.device);
  const auto known = key.ok() ? facts_->get(*key) : std::nullopt;
  if (known && known->contains("fastest") && (*known)["fastest"].is_string()) {
    const auto precision = parse_precision((*known)["fastest"].get<std::string>());
    if (precision.ok()) return {*precision, "measured"};
  }
  return {Precision::kF32, "unmeasured"};
}

Result<std::shared_ptr<Model>> LocalEngine::load(const LoadOptions& options) {
  const Placement placement = requested_placement(options, hardware::read_acceleration_switch(),
                                                  options_.simulated_devices);
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
  const auto engine = find_backend(placement.backend);
  if (engine.status().code() == StatusCode::kNotFound) return engine.status();
  ACCEL_ASSIGN(const std::filesystem::path located, hub::locate_model(options.path));
  ACCEL_ASSIGN(const Caches* const caches, this->caches());
  ACCEL_ASSIGN(const std::shared_ptr<const models::ModelFolder> folder,
               models::ModelFolder::open(located, exported_of(options.use_optimum),
                                         options.cache ? caches->graphs.get() : nullptr));
  ACCEL_TRY(check_stated(*folder, options));
  LoadOptions resolved = options;
  resolved.path = located.string();
  ACCEL_ASSIGN(const Places places,
               places_of(engine.ok() ? engine->get() : nullptr, placement.device));
  return load_first(
      runtime::load_candidates({placement.backend, placement.device, placement.precision},
                               places.devices, options.fallback),
      [&](const runtime::Candidate& candidate, const std::string& reason) {
        return load_on(candidate, resolved,
                       {.folder = folder,
                        .notices = places.notices,
                        .fallback_reason = reason.empty() ? placement.fallback_reason : reason,
                        .local_reason = placement.local_reason});
      });
}

Result<std::shared_ptr<Model>> LocalEngine::load_on(const runtime::Candidate& candidate,
                                                    const LoadOptions& options,
                                                    const Request& request) {
  ACCEL_ASSIGN(const BackendPtr backend, find_backend(candidate.backend));
  if (options_.probe && candidate.backend == "openvino") {
    ACCEL_TRY(probe_engine(*facts_, cpu_, "OpenVINO " + backend->info().version));
  }
  ACCEL_ASSIGN(const Caches* const caches, this->caches());
  if (!hardware::fate_of_device(candidate.device).empty()) {
    ACCEL_TRY(check_former_device(candidate.device, devices_of(*backend)));
  }
  ACCEL_ASSIGN(const runtime::ResolvedDevices devices, find_devices(*backend, candidate.device));
  runtime::Candidate first = candidate;
  first.device = devices.members.front().name;
  const auto [precision, source] = choose_precision(first, options.path);
  const int threads = options.threads > 0 ? options.threads : usable_cores_;
  const int streams = options.streams > 0 ? options.streams : threads;
  std::vector<std::string> notices = request.notices;
  for (std::string& one : notices_of(devices)) notices.push_back(std::move(one));
  runtime::RoutedRules routed = runtime::routes_over(options.rules, devices.members);
  for (std::string& one : routed.notices) notices.push_back(std::move(one));
  LoadedModel::Parts parts{.folder = request.folder,
                           .backend = backend,
                           .compile = {.device = first.device,
                                       .precision = precision,
                                       .streams = options.profile ? 1 : streams,
                                       .threads = threads,
                                       .own_kernels = options.own_kernels,
                                       .profile = options.profile},
                           .members = devices.members,
                           .routes = std::move(routed.routes),
                           .notices = std::move(notices),
                           .precision_source = source,
                           .fallback_reason = request.fallback_reason,
                           .local_reason = request.local_reason,
                           .simulated = simulates(),
                           .head = {},
                           .cache = options.cache && !options.profile ? caches->compiled : nullptr};
  if (!options.task.empty()) {
    const Result<const pipelines::Task*> task = pipelines::find_task(options.task);
    if (options.use == Use::kRun) ACCEL_TRY(task.status());
    ACCEL_ASSIGN(parts.head, models::parse_head(task.ok() ? (*task)->head : options.task));
    // A model that has what the task needs beside its own head keeps that.
    const Result<models::Head> own = request.folder->head();
    if (task.ok() && own.ok() && (*task)->serves(models::to_string(*own))) parts.head = *own;
  }
  // What else is compiled at its first call is tried out here, while another may still be taken.
  const bool may_fall_back = options.fallback || candidate.device != options.device;
  if (may_fall_back && options.use != Use::kEmbed) ACCEL_TRY(backend->check(parts.compile));
  if (options.memory_bytes_max > 0) {
    ACCEL_ASSIGN(const ModelReport report, report_of(*request.folder, parts.head));
    ACCEL_ASSIGN(parts.memory_bytes, admitted_bytes(report, {.bytes_max = options.memory_bytes_max,
                                                             .precision = precision,
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
  ACCEL_ASSIGN(parts.folder, models::ModelFolder::open(located, exported_of(options.use_optimum)));
  const bool accelerated = hardware::read_acceleration_switch().enabled;
  ACCEL_ASSIGN(parts.backend, find_backend(accelerated ? "openvino" : "reference"));
  if (options_.probe && accelerated) {
    ACCEL_TRY(probe_engine(*facts_, cpu_, "OpenVINO " + parts.backend->info().version));
  }
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
  if (!hardware::fate_of_device(device).empty()) {
    ACCEL_TRY(check_former_device(device, devices_of(*backends_.at("openvino"))));
  }
  ACCEL_ASSIGN(const std::filesystem::path located, hub::locate_model(path));
  ACCEL_ASSIGN(const auto key, precision_key(located.string(), device));
  ACCEL_ASSIGN(MeasureReport report, measure_precisions(*this, path, device, seconds));
  Json value{{"fastest", to_string(report.fastest)}};
  for (const PrecisionTiming& timing : report.timings) {
    value["timings"].push_back({{"precision", to_string(timing.precision)},
                                {"texts_per_sec", timing.texts_per_sec},
                                {"least_cosine", timing.least_cosine},
                                {"eligible", timing.eligible}});
  }
  report.remembered = facts_->put(key, value).ok();
  return report;
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

// What the backend says of itself, unless its engine crashes here.
backend::Info LocalEngine::examine(const backend::Backend& backend) const {
  backend::Info info = backend.info();
  if (!info.available || info.name != "openvino" || !options_.probe) return info;
  const Status probed = probe_engine(*facts_, cpu_, "OpenVINO " + info.version);
  if (probed.ok()) return info;
  return {info.name, info.version, false, probed.message(), "--backend reference"};
}

std::vector<BackendReport> LocalEngine::backends() {
  std::vector<BackendReport> reports;
  for (const auto& [name, backend] : backends_) {
    const backend::Info info = examine(*backend);
    reports.push_back({info.name, info.version, info.available, info.reason, info.remedy});
  }
  return reports;
}

std::vector<DeviceReport> LocalEngine::devices_of(const backend::Backend& backend) const {
  std::vector<DeviceReport> reports;
  const backend::Info info = examine(backend);
  if (!info.available) return reports;
  for (backend::Device& device : backend.devices()) {
    const bool cpu = device.kind == "cpu";
    const std::string runtime = info.name + " " + info.version;
    reports.push_back({.backend = info.name,
                       .name = std::move(device.name),
                       .full_name = std::move(device.full_name),
                       .kind = std::move(device.kind),
                       .precisions = std::move(device.precisions),
                       .architecture = cpu ? processor_.architecture : device.architecture,
                       .units = cpu ? processor_.cores : device.units,
                       .driver = device.driver.empty() ? runtime : device.driver});
  }
  return reports;
}

std::vector<DeviceReport> LocalEngine::devices() {
  std::vector<DeviceReport> reports;
  for (const auto& [name, backend] : backends_) {
    const std::vector<DeviceReport> real = devices_of(*backend);
    const auto& hidden = options_.simulated_devices;
    for (const DeviceReport& device : real) {
      if (std::ranges::find(hidden, device.name) == hidden.end()) reports.push_back(device);
    }
    if (name == "reference") continue;
    for (DeviceReport& device : simulated_devices(hidden, real)) {
      reports.push_back(std::move(device));
    }
  }
  return reports;
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
  std::filesystem::path folder = options.cache_dir;
  if (folder.empty()) {
    ACCEL_ASSIGN(folder, store::default_cache_dir());
  }
  auto facts = store::Facts::create({.folder = folder / "facts"});
  return std::unique_ptr<Engine>(
      std::make_unique<engine::LocalEngine>(options, std::move(folder), std::move(facts)));
}

std::string_view version() { return kVersion; }

}  // namespace accel
