#include "engine/graph_cache.h"

#include <dlfcn.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <link.h>

#include <algorithm>
#include <cstdint>
#include <future>
#include <optional>

#include "accel/precision.h"
#include "accel/version.h"
#include "backend/graph_file.h"
#include "base/try.h"

namespace accel::engine {
namespace {

using Clock = std::chrono::steady_clock;
using ModelPtr = std::shared_ptr<const backend::CompiledModel>;
using GraphPtr = std::shared_ptr<const ov::Model>;
using LockPtr = std::unique_ptr<store::FileLock>;

// Entries that are replaced while one tries to use them: somebody else's trouble, after so many.
constexpr int kTriesMax = 8;

double milliseconds_since(Clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

// Adds the time until its end to `sum_ms`.
class Stopwatch {
 public:
  explicit Stopwatch(double& sum_ms) : sum_ms_(sum_ms) {}
  ~Stopwatch() { sum_ms_ += milliseconds_since(begin_); }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

 private:
  double& sum_ms_;
  const Clock::time_point begin_ = Clock::now();
};

// Once each.
void add_warning(const Status& status, std::vector<std::string>& warnings) {
  if (status.ok() || std::ranges::count(warnings, status.message()) > 0) return;
  warnings.push_back(status.message());
}

std::string engine_name(const backend::Info& info) { return info.name + " " + info.version; }

// What is to be written to the cache, under the locks that others wait at.
struct ToStore {
  std::shared_ptr<store::Cache> entries;
  std::string label;
  store::CacheKey graph_key;
  LockPtr graph_lock;  // null: the graph is not to be stored
  GraphPtr graph;
  store::CacheKey compiled_key;
  LockPtr compiled_lock;  // likewise
  ModelPtr model;
  std::shared_ptr<const Log> log;
};

void log_warnings(const Log& log, const std::vector<std::string>& warnings) {
  for (const std::string& one : warnings) log.write(LogLevel::kWarning, LogPart::kCache, one);
}

void log_stored(const Log& log, const std::string& label, const CacheStored& stored) {
  log_warnings(log, stored.warnings);
  const auto say = [&](std::string_view what) {
    log.write(LogLevel::kDebug, LogPart::kCache,
              fmt::format("{}: kept the {} in {:.1f} ms", label, what, stored.ms));
  };
  if (stored.graph) say("converted graph");
  if (stored.compiled) say("compiled model");
  if (stored.not_kept.empty()) return;
  log.write(LogLevel::kDebug, LogPart::kCache,
            fmt::format("{}: the compiled model is not kept: {}", label, stored.not_kept));
}

// What came of looking a model up.
std::string lookup_text(const CacheReport& report, const std::string& label) {
  const auto found = [&](std::string_view what) {
    return fmt::format("{}: found the {}, looked up in {:.1f} ms, checked in {:.1f}", label, what,
                       report.lookup_ms, report.verify_ms);
  };
  if (report.outcome == CacheOutcome::kCompiledFound) return found("compiled model");
  if (report.outcome == CacheOutcome::kGraphFound) return found("converted graph");
  if (!report.changed.empty()) {
    return fmt::format("{}: nothing found, for another {} than is kept", label,
                       fmt::join(report.changed, ", "));
  }
  if (!report.not_kept.empty()) {
    return fmt::format("{}: known as not to be kept: {}", label, report.not_kept);
  }
  return label + ": nothing found";
}

// True when it was stored. What has no form in bytes gives its reason to `not_kept`, and an entry
// without payload, so that others neither wait nor try.
bool store_entry(const ToStore& all, const store::CacheKey& key, const store::Cache::Writer& write,
                 std::string& not_kept, std::vector<std::string>& warnings) {
  Status status = all.entries->store(key, {.label = all.label, .note = ""}, write);
  if (status.ok()) return true;
  if (status.code() == StatusCode::kUnimplemented) {
    not_kept = status.message();
    status = all.entries->store(key, {.label = all.label, .note = not_kept},
                                [](std::ostream&) { return Status(); });
  }
  add_warning(status, warnings);
  return false;
}

CacheStored store_all(ToStore all) {
  CacheStored stored;
  const Clock::time_point begin = Clock::now();
  if (all.graph_lock) {
    std::string ignored;
    stored.graph = store_entry(
        all, all.graph_key,
        [&](std::ostream& out) { return backend::write_graph(*all.graph, out); }, ignored,
        stored.warnings);
    all.graph_lock.reset();
  }
  if (all.compiled_lock) {
    stored.compiled = store_entry(
        all, all.compiled_key, [&](std::ostream& out) { return all.model->export_to(out); },
        stored.not_kept, stored.warnings);
  }
  stored.ms = milliseconds_since(begin);
  log_stored(*all.log, all.label, stored);
  return stored;
}

// One call of GraphCache::compile().
class Compilation {
 public:
  struct Place {
    const std::shared_ptr<store::Cache>& entries;
    const std::string& build;
    const GraphCacheOptions& options;
  };
  Compilation(Place place, const backend::Backend& backend, const GraphSource& source,
              const backend::CompileOptions& options)
      : place_(place), backend_(backend), source_(source), options_(options) {
    graph_key_ = {.kind = "graph", .parts = source.parts};
    graph_key_.add("accel", place.build);
    compiled_key_ = {.kind = "compiled", .parts = graph_key_.parts};
    compiled_key_.add("engine", engine_name(backend.info()))
        .add("device", options.device)
        .add("precision", to_string(options.precision))
        .add("streams", std::to_string(options.streams))
        .add("threads", std::to_string(options.threads))
        .add("kernels", options.own_kernels ? "accel" : "engine")
        .add("cpu", place.options.cpu);
  }

  Result<CachedModel> run();

 private:
  // What the entry of `key` gives through `read`; null for a miss. An entry without payload says by
  // its note that there is nothing to keep.
  template <class Pointer, class Read>
  Pointer find(const store::CacheKey& key, const Read& read, std::string& not_kept);
  // The same, after waiting for whoever is making it. Null: it is to be made here, under `held`
  // where that could be had.
  template <class Pointer, class Read>
  Pointer find_or_lock(const store::CacheKey& key, const Read& read, std::string& not_kept,
                       LockPtr& held);
  // Why `key` is a miss. Of what is known to be kept nowhere there is no earlier one to look for,
  // which would read the head of every entry.
  void say_changed(const store::CacheKey& key, const std::string& not_kept) {
    if (not_kept.empty()) report_.changed = place_.entries->changed_parts(key, source_.label);
  }
  Result<GraphPtr> make_graph();
  Result<ModelPtr> make_compiled();

  LockPtr lock(const store::CacheKey& key);
  void log_lookup() const {
    const Log& log = *place_.options.log;
    log_warnings(log, report_.warnings);
    if (!log.says(LogLevel::kDebug, LogPart::kCache)) return;
    log.write(LogLevel::kDebug, LogPart::kCache, lookup_text(report_, source_.label));
  }
  // Without a model the graph alone: another device may take it.
  void store_behind(ModelPtr model, LockPtr held);
  void warn(const Status& status) { add_warning(status, report_.warnings); }

  const Place place_;
  const backend::Backend& backend_;
  const GraphSource& source_;
  const backend::CompileOptions& options_;
  store::CacheKey graph_key_;
  store::CacheKey compiled_key_;
  std::string graph_not_kept_;
  LockPtr graph_lock_;  // with graph_: made here, to be stored
  GraphPtr graph_;
  CacheReport report_{.outcome = CacheOutcome::kMade};
};

template <class Pointer, class Read>
Pointer Compilation::find(const store::CacheKey& key, const Read& read, std::string& not_kept) {
  store::CacheLookup found = place_.entries->lookup(key);
  report_.lookup_ms += found.lookup_ms;
  report_.verify_ms += found.verify_ms;
  warn(found.warning);
  if (!found.entry) return nullptr;
  if (found.entry->payload.empty()) {
    not_kept = found.entry->note;
    return nullptr;
  }
  const Stopwatch watch(report_.import_ms);
  auto made = read(backend::Blob{found.entry->payload, found.entry->owner});
  if (made.ok()) return std::move(*made);
  warn(made.status().with_context("an entry of the cache is not used"));
  return nullptr;
}

template <class Pointer, class Read>
Pointer Compilation::find_or_lock(const store::CacheKey& key, const Read& read,
                                  std::string& not_kept, LockPtr& held) {
  std::optional<uint64_t> useless;  // the entry that was tried in vain
  for (int tries = 0; tries < kTriesMax; ++tries) {
    const std::optional<uint64_t> there = place_.entries->identity(key);
    if (there && there != useless) {
      held.reset();  // others read it at the same time
      Pointer made = find<Pointer>(key, read, not_kept);
      if (made || !not_kept.empty()) return made;
      useless = there;
    }
    if (held) break;
    held = lock(key);
    if (!held) break;
  }
  return nullptr;
}

LockPtr Compilation::lock(const store::CacheKey& key) {
  const Stopwatch watch(report_.wait_ms);
  auto lock = place_.entries->lock(key, place_.options.wait_max);
  if (lock.ok()) return std::move(*lock);
  // A folder that cannot be written is told once, by store().
  if (place_.entries->warning().ok()) {
    warn(lock.status().with_context("going on without the cache's lock"));
  }
  return nullptr;
}

Result<GraphPtr> Compilation::make_graph() {
  LockPtr held;
  if (source_.keep_graph) {
    GraphPtr graph = find_or_lock<GraphPtr>(graph_key_, backend::read_graph, graph_not_kept_, held);
    if (graph) {
      report_.outcome = CacheOutcome::kGraphFound;
      report_.has_graph = true;
      return graph;
    }
    if (report_.changed.empty()) say_changed(graph_key_, graph_not_kept_);
  }
  auto made = [&] {
    const Stopwatch watch(report_.make_ms);
    return source_.make();
  }();
  if (made.ok() && held && graph_not_kept_.empty()) {
    graph_ = *made;
    graph_lock_ = std::move(held);
  }
  return made;
}

Result<ModelPtr> Compilation::make_compiled() {
  ACCEL_ASSIGN(const GraphPtr graph, make_graph());
  const Stopwatch watch(report_.compile_ms);
  return backend_.compile(graph, options_);
}

void Compilation::store_behind(ModelPtr model, LockPtr held) {
  if (!model || !report_.not_kept.empty()) held.reset();
  if (!held && !graph_lock_) return;
  ToStore all{.entries = place_.entries,
              .label = source_.label,
              .graph_key = graph_key_,
              .graph_lock = std::move(graph_lock_),
              .graph = std::move(graph_),
              .compiled_key = compiled_key_,
              .compiled_lock = std::move(held),
              .model = std::move(model),
              .log = place_.options.log};
  report_.stored = std::async(std::launch::async, store_all, std::move(all)).share();
}

Result<CachedModel> Compilation::run() {
  LockPtr held;
  if (source_.keep_compiled) {
    const auto read = [&](const backend::Blob& blob) {
      return backend_.import_compiled(blob, options_);
    };
    ModelPtr model = find_or_lock<ModelPtr>(compiled_key_, read, report_.not_kept, held);
    if (model) {
      report_.outcome = CacheOutcome::kCompiledFound;
      report_.has_graph = source_.keep_graph && place_.entries->identity(graph_key_).has_value();
      log_lookup();
      return CachedModel{std::move(model), std::move(report_)};
    }
    say_changed(compiled_key_, report_.not_kept);
  }
  if (source_.keep_graph || source_.keep_compiled) warn(place_.entries->warning());
  Result<ModelPtr> made = make_compiled();
  log_lookup();
  store_behind(made.ok() ? *made : nullptr, std::move(held));
  if (!made.ok()) return made.status();
  return CachedModel{std::move(*made), std::move(report_)};
}

// The program or library that holds this code.
std::filesystem::path own_file() {
  Dl_info found{};
  link_map* map = nullptr;
  const auto* here = reinterpret_cast<const void*>(&accel_build);
  if (::dladdr1(here, &found, reinterpret_cast<void**>(&map), RTLD_DL_LINKMAP) == 0) return {};
  const bool program = map == nullptr || map->l_name == nullptr || *map->l_name == '\0';
  return program ? "/proc/self/exe" : map->l_name;
}

}  // namespace

Result<std::unique_ptr<GraphCache>> GraphCache::create(GraphCacheOptions options) {
  ACCEL_ASSIGN(store::CacheOptions settings, store::default_cache_options(options.cache_dir));
  auto cache = std::unique_ptr<GraphCache>(new GraphCache(std::move(options)));
  cache->entries_ = store::Cache::create(std::move(settings));
  cache->hashes_ = store::ContentHashes::create({.folder = cache->options_.cache_dir / "hashes"});
  cache->build_ = accel_build(*cache->hashes_);
  return cache;
}

Result<CachedModel> GraphCache::compile(const backend::Backend& backend, const GraphSource& source,
                                        const backend::CompileOptions& options) const {
  return Compilation({entries_, build_, options_}, backend, source, options).run();
}

std::string accel_build(const store::ContentHashes& hashes) {
  const auto content = hashes.of_file(own_file());
  return fmt::format("{} {}", kVersion, content.ok() ? content->substr(0, 16) : "unknown build");
}

Status fits_home(const store::CacheKey& key, const CacheHome& home) {
  const auto differs = [&](std::string_view what, std::string_view here) {
    return failed_precondition(fmt::format(
        "made for {} '{}', found '{}' here; make it here instead", what, key.part(what), here));
  };
  const std::string_view accel = key.part("accel");
  if (accel != home.accel) return differs("accel", home.accel);
  const std::string_view cpu = key.part("cpu");
  if (!cpu.empty() && cpu != home.cpu) return differs("cpu", home.cpu);
  const std::string_view engine = key.part("engine");
  if (engine.empty() || std::ranges::find(home.engines, engine) != home.engines.end()) return {};
  return differs("engine", fmt::format("{}", fmt::join(home.engines, ", ")));
}

}  // namespace accel::engine
