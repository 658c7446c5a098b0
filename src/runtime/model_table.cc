#include "runtime/model_table.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <exception>
#include <limits>
#include <new>

#include "base/try.h"

namespace accel {

std::string_view to_string(ModelState state) {
  switch (state) {
    case ModelState::kUnloaded: return "unloaded";
    case ModelState::kLoading: return "loading";
    case ModelState::kLoaded: return "loaded";
    case ModelState::kUnloading: return "unloading";
    case ModelState::kFailed: return "failed";
  }
  return "unknown";
}

namespace runtime {
namespace {

constexpr size_t kEventsMax = 1024;
constexpr uint64_t kCooldownsMax = 32;

double seconds(ModelTable::Clock::duration duration) {
  return std::chrono::duration<double>(duration).count();
}

ModelTable::Clock::duration duration_of(double seconds) {
  return std::chrono::duration_cast<ModelTable::Clock::duration>(
      std::chrono::duration<double>(seconds));
}

// "name" and "version" of "name:version"; version 0: the greatest. Nothing: no model is called so.
std::optional<std::pair<std::string, int>> parse_name(const std::string& text) {
  const size_t colon = text.find(':');
  if (colon == std::string::npos) return std::pair(text, 0);
  int version = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data() + colon + 1, end, version);
  if (error != std::errc() || rest != end || version < 1) return std::nullopt;
  return std::pair(text.substr(0, colon), version);
}

}  // namespace

std::shared_ptr<ModelTable> ModelTable::create(const ManagerOptions& options,
                                               std::function<Clock::time_point()> now) {
  std::shared_ptr<ModelTable> table(new ModelTable(options, std::move(now)));
  if (options.idle_seconds_max > 0) {
    table->watch_ = std::jthread(
        [table = table.get()](const std::stop_token& stop) { table->watch_unused(stop); });
  }
  return table;
}

ModelTable::ModelTable(const ManagerOptions& options, std::function<Clock::time_point()> now)
    : options_(options), now_(std::move(now)), begin_(now_()) {}

ModelTable::~ModelTable() = default;

Status ModelTable::check_key(const Loadable& loadable) {
  if (!loadable.name.empty() && loadable.name.find(':') == std::string::npos &&
      loadable.version >= 1) {
    return {};
  }
  return invalid_argument(
      fmt::format("expected a name without ':' and a version of at least 1, found '{}' and {}",
                  loadable.name, loadable.version));
}

Status ModelTable::define(Loadable loadable) {
  ACCEL_TRY(check_key(loadable));
  const std::lock_guard lock(mutex_);
  const Key key(loadable.name, loadable.version);
  if (names_.entries.contains(key) || names_.aliases.contains(loadable.name)) {
    return already_exists(fmt::format("model '{}' version {} is defined already; define "
                                      "another version",
                                      loadable.name, loadable.version));
  }
  names_.entries[key] = std::make_shared<Entry>(Entry{.loadable = std::move(loadable)});
  return {};
}

Status ModelTable::Names::check(const ModelAlias& alias) const {
  const auto first = entries.lower_bound({alias.name, 0});
  const bool taken = first != entries.end() && first->first.first == alias.name;
  if (alias.name.empty() || alias.name.find(':') != std::string::npos || taken) {
    return invalid_argument(fmt::format(
        "expected an alias without ':' that is no model's name, found '{}'", alias.name));
  }
  if (aliases.contains(alias.target)) {
    return not_found(fmt::format("expected a model's name, found the alias '{}' of '{}'",
                                 alias.target, aliases.at(alias.target)));
  }
  return find(alias.target).status();
}

Status ModelTable::alias(const std::string& alias, const std::string& target) {
  const std::lock_guard lock(mutex_);
  ACCEL_TRY(names_.check({alias, target}));
  names_.aliases[alias] = target;
  return {};
}

Result<ModelTable::EntryPtr> ModelTable::Names::find(const std::string& name) const {
  const auto known = aliases.find(name);
  const auto wanted = parse_name(known == aliases.end() ? name : known->second);
  if (!wanted) return undefined(name);
  // The entry after the last version, or exactly that version.
  auto after = entries.upper_bound(
      {wanted->first, wanted->second == 0 ? std::numeric_limits<int>::max() : wanted->second});
  if (after != entries.begin()) {
    const auto found = std::prev(after);
    const bool same = found->first.first == wanted->first;
    if (same && (wanted->second == 0 || found->first.second == wanted->second)) {
      return found->second;
    }
  }
  return undefined(name);
}

Status ModelTable::Names::undefined(const std::string& name) const {
  std::vector<std::string> names;
  for (const auto& [key, entry] : entries) {
    names.push_back(fmt::format("{}:{}", key.first, key.second));
  }
  for (const auto& [alias, target] : aliases) names.push_back(alias);
  return not_found(
      fmt::format("model '{}' is not defined; expected one of: {}", name, fmt::join(names, ", ")));
}

Status ModelTable::Names::erase(const std::string& name) {
  const auto wanted = parse_name(name);
  const size_t erased = std::erase_if(entries, [&](const auto& one) {
    return wanted && one.first.first == wanted->first &&
           (wanted->second == 0 || one.first.second == wanted->second);
  });
  return erased > 0 ? Status() : find(name).status().with_context("to be removed");
}

Result<std::optional<ModelLease>> ModelTable::acquire_loaded(const std::string& name) {
  const std::lock_guard lock(mutex_);
  ACCEL_ASSIGN(const EntryPtr entry, names_.find(name));
  if (entry->state != ModelState::kLoaded) return std::optional<ModelLease>();
  return std::optional(lease(entry, /*already_loaded=*/true));
}

Result<ModelLease> ModelTable::acquire(const std::string& name) {
  Lock lock(mutex_);
  bool at_once = true;
  while (true) {
    // Anew each time: another may have taken its place meanwhile.
    ACCEL_ASSIGN(const EntryPtr entry, names_.find(name));
    switch (entry->state) {
      case ModelState::kLoaded: return lease(entry, at_once);
      case ModelState::kLoading:
      case ModelState::kUnloading: changed_.wait(lock); break;
      case ModelState::kFailed:
        if (const auto now = now_(); now < entry->retry_at) {
          return entry->failure.with_context(
              fmt::format("{}: tried again in {:.1f} s", name, seconds(entry->retry_at - now)));
        }
        [[fallthrough]];
      case ModelState::kUnloaded:
        enter(*entry, ModelState::kLoading, "asked");
        if (const Status loaded = load(*entry, lock); loaded.ok()) {
          return lease(entry, /*already_loaded=*/false);  // also when its name is gone
        } else if (!entry->retired) {
          return loaded.with_context(name);
        }
        break;
    }
    at_once = false;
  }
}

ModelLease ModelTable::lease(const EntryPtr& entry, bool already_loaded) {
  entry->leaving = false;
  ++entry->leases;
  entry->last_used = now_();
  // The model ends before its lease does.
  auto end = [table = shared_from_this(), entry, own = entry->model](const Model*) mutable {
    own.reset();
    table->end_lease(entry);
  };
  return {.model = std::shared_ptr<Model>(entry->model.get(), std::move(end)),
          .already_loaded = already_loaded};
}

void ModelTable::end_lease(const EntryPtr& entry) {
  Lock lock(mutex_);
  entry->last_used = now_();
  if (--entry->leases == 0 && (entry->leaving || entry->retired)) {
    free(*entry, entry->retired ? "retired" : "asked", lock);
    forget_ended();
  }
  changed_.notify_all();
}

Status ModelTable::load(Entry& entry, Lock& lock) {
  while (loading_ >= options_.loads_max) changed_.wait(lock);
  ++loading_;
  const Clock::time_point begin = now_();
  const auto model = load_unlocked(entry, lock);
  --loading_;
  if (model.ok()) {
    entry.model = *model;
    entry.load_seconds = seconds(now_() - begin);
    ++entry.loads;
    entry.failures = 0;
    entry.failure = {};
    entry.last_used = now_();
    enter(entry, ModelState::kLoaded, "");
    return {};
  }
  const bool room = model.status().code() != StatusCode::kResourceExhausted || entry.bytes > 0;
  entry.bytes = 0;
  entry.failure = model.status();
  if (!room) {  // the others are to blame, and may have left when it is asked for again
    enter(entry, ModelState::kUnloaded, entry.failure.message());
    return entry.failure;
  }
  const uint64_t times =
      std::min(uint64_t{1} << std::min<uint64_t>(entry.failures, 10), kCooldownsMax);
  ++entry.failures;
  entry.retry_at = now_() + duration_of(options_.cooldown_seconds * static_cast<double>(times));
  enter(entry, ModelState::kFailed, entry.failure.message());
  return entry.failure;
}

Result<std::shared_ptr<Model>> ModelTable::load_unlocked(Entry& entry, Lock& lock) {
  try {
    lock.unlock();
    const Result<uint64_t> bytes = entry.loadable.estimate();
    lock.lock();
    ACCEL_TRY(bytes.status());
    ACCEL_TRY(make_room(entry, *bytes, lock));
    lock.unlock();
    auto model = entry.loadable.load();
    lock.lock();
    return model;
  } catch (const std::bad_alloc&) {
    if (!lock.owns_lock()) lock.lock();
    return resource_exhausted("the system has no memory left for this model; unload others");
  } catch (const std::exception& error) {
    if (!lock.owns_lock()) lock.lock();
    return internal_error(error.what());
  }
}

Status ModelTable::make_room(Entry& entry, uint64_t bytes, Lock& lock) {
  if (entry.loadable.bytes_max > 0 && bytes > entry.loadable.bytes_max) {
    return resource_exhausted(fmt::format(
        "expected a model of at most {} bytes, found that it needs {}; raise its bound or choose a "
        "narrower precision",
        entry.loadable.bytes_max, bytes));
  }
  while (true) {
    std::vector<Resident> residents;
    std::vector<EntryPtr> owners;
    const auto count = [&](const EntryPtr& other, bool named) {
      if (other->bytes == 0 || other.get() == &entry) return;
      const bool idle = named && other->leases == 0 && other->state == ModelState::kLoaded;
      residents.push_back(
          {.name = fmt::format("{}:{}", other->loadable.name, other->loadable.version),
           .bytes = other->bytes,
           .last_used = other->last_used.time_since_epoch().count(),
           .busy = !idle,
           .pinned = other->loadable.pinned});
      owners.push_back(other);
    };
    for (const auto& [key, other] : names_.entries) count(other, /*named=*/true);
    for (const EntryPtr& other : nameless_) count(other, /*named=*/false);
    const Admission admission =
        admit(residents, bytes,
              {.bytes_max = options_.memory_bytes_max, .models_max = options_.models_max});
    ACCEL_TRY(admission.refused);
    if (admission.evict.empty()) break;
    // One after another, looking again after each: others come and go while one ends.
    const auto victim = std::ranges::find(residents, admission.evict.front(), &Resident::name);
    const EntryPtr leaves = owners[static_cast<size_t>(victim - residents.begin())];
    ++leaves->evictions;
    free(*leaves, "evicted", lock);
  }
  entry.bytes = std::max<uint64_t>(bytes, 1);
  return {};
}

void ModelTable::free(Entry& entry, const std::string& reason, Lock& lock) {
  std::shared_ptr<Model> model = std::move(entry.model);
  entry.leaving = false;
  enter(entry, ModelState::kUnloading, reason);
  lock.unlock();
  model.reset();
  lock.lock();
  entry.bytes = 0;
  enter(entry, ModelState::kUnloaded, reason);
}

Status ModelTable::unload(const std::string& name) {
  Lock lock(mutex_);
  ACCEL_ASSIGN(const EntryPtr entry, names_.find(name));
  while (entry->state == ModelState::kLoading) changed_.wait(lock);
  if (entry->state != ModelState::kLoaded || entry->leaving) {
    return failed_precondition(name + ": not loaded");
  }
  if (entry->leases > 0) {
    entry->leaving = true;
  } else {
    free(*entry, "asked", lock);
  }
  return {};
}

Status ModelTable::pin(const std::string& name, bool pinned) {
  const std::lock_guard lock(mutex_);
  ACCEL_ASSIGN(const EntryPtr entry, names_.find(name));
  entry->loadable.pinned = pinned;
  return {};
}

int ModelTable::unload_unused() {
  if (options_.idle_seconds_max <= 0) return 0;
  Lock lock(mutex_);
  const auto unused = [&](Entry& entry) {
    return entry.state == ModelState::kLoaded && entry.leases == 0 && !entry.loadable.pinned &&
           seconds(now_() - entry.last_used) >= options_.idle_seconds_max;
  };
  int count = 0;
  const std::map<Key, EntryPtr> entries = names_.entries;  // they may change meanwhile
  for (const auto& [key, entry] : entries) {
    if (!unused(*entry)) continue;
    ++entry->evictions;
    free(*entry, "unused", lock);
    ++count;
  }
  return count;
}

void ModelTable::watch_unused(const std::stop_token& stop) {
  const auto step =
      std::chrono::duration<double>(std::clamp(options_.idle_seconds_max / 4, 0.01, 10.0));
  while (!stop.stop_requested()) {
    {
      Lock lock(mutex_);
      changed_.wait_for(lock, stop, step, [] { return false; });
    }
    if (!stop.stop_requested()) unload_unused();
  }
}

void ModelTable::enter(Entry& entry, ModelState state, const std::string& reason) {
  entry.state = state;
  events_.push_back({.sequence = ++sequence_,
                     .seconds = seconds(now_() - begin_),
                     .name = entry.loadable.name,
                     .version = entry.loadable.version,
                     .state = state,
                     .reason = reason});
  if (events_.size() > kEventsMax) events_.pop_front();
  changed_.notify_all();
}

std::vector<ManagedModel> ModelTable::models() const {
  const std::lock_guard lock(mutex_);
  const Clock::time_point now = now_();
  std::vector<ManagedModel> models;
  for (const auto& [key, pointer] : names_.entries) {
    const Entry& entry = *pointer;
    const bool failed = entry.state == ModelState::kFailed;
    const bool idle = entry.state == ModelState::kLoaded && entry.leases == 0;
    models.push_back({.name = key.first,
                      .version = key.second,
                      .state = entry.state,
                      .pinned = entry.loadable.pinned,
                      .leases = entry.leases,
                      .memory_bytes = entry.bytes,
                      .load_seconds = entry.load_seconds,
                      .loads = entry.loads,
                      .evictions = entry.evictions,
                      .failure = entry.failure,
                      .retry_seconds = failed ? std::max(0.0, seconds(entry.retry_at - now)) : 0,
                      .idle_seconds = idle ? seconds(now - entry.last_used) : 0});
  }
  return models;
}

std::vector<ModelAlias> ModelTable::aliases() const {
  const std::lock_guard lock(mutex_);
  std::vector<ModelAlias> aliases;
  for (const auto& [alias, target] : names_.aliases) aliases.push_back({alias, target});
  return aliases;
}

Result<std::optional<ModelStatistics>> ModelTable::statistics(const std::string& name) const {
  std::shared_ptr<Model> model;
  {
    const std::lock_guard lock(mutex_);
    ACCEL_ASSIGN(const EntryPtr entry, names_.find(name));
    model = entry->model;
  }
  if (model == nullptr) return std::optional<ModelStatistics>();
  return std::optional(model->statistics());
}

Result<ModelDefinition> ModelTable::definition(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  ACCEL_ASSIGN(const EntryPtr entry, names_.find(name));
  const Loadable& loadable = entry->loadable;
  return ModelDefinition{.name = loadable.name,
                         .version = loadable.version,
                         .load = loadable.options,
                         .memory_bytes_max = loadable.bytes_max,
                         .pinned = loadable.pinned};
}

std::vector<ModelEvent> ModelTable::events(uint64_t sequence) const {
  const std::lock_guard lock(mutex_);
  std::vector<ModelEvent> events;
  for (const ModelEvent& event : events_) {
    if (event.sequence > sequence) events.push_back(event);
  }
  return events;
}

}  // namespace runtime
}  // namespace accel
