// ModelManager: models by name, loaded when somebody first needs them, within bounds of memory.
//
//   auto manager = accel::ModelManager::create(engine, {.memory_bytes_max = uint64_t{4} << 30});
//   (*manager)->define({.name = "minilm", .load = {.path = "all-MiniLM-L6-v2"}});
//   auto lease = (*manager)->acquire("minilm");  // loads it the first time
//   auto result = (*lease)->embed({"a text"});
//                                                // the lease ends: it stays until room is needed
//
// Memory is counted before anything is allocated: what a model's weights take in the precision that
// it is to run in, by what its files say. Models that nobody has leased make room, those not used
// for longest first; what does not fit is refused.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "accel/engine.h"
#include "accel/status.h"

namespace accel {

struct ManagerOptions {
  uint64_t memory_bytes_max = 0;  // of all loaded models together; 0: no bound
  uint64_t models_max = 0;        // loaded at the same time; 0: no bound
  double idle_seconds_max = 0;    // unused for so long, a model is unloaded; 0: never
  // After a load failed, acquire() answers with that failure for so long, twice as long each time
  // in a row, at most 32 times.
  double cooldown_seconds = 5;
  int loads_max = 2;  // under way at the same time, of different models; at least 1
};

struct ModelDefinition {
  std::string name;  // without ":"
  int version = 1;   // at least 1; "name:2" is version 2, "name" the greatest that is defined
  LoadOptions load;
  uint64_t memory_bytes_max = 0;  // a model that needs more is refused; 0: the manager's bound
  bool pinned = false;            // once loaded, only unload() unloads it

  bool operator==(const ModelDefinition&) const = default;
};

enum class ModelState { kUnloaded, kLoading, kLoaded, kUnloading, kFailed };

// "unloaded", "loading" ...
ACCEL_API std::string_view to_string(ModelState state);

struct ManagedModel {
  std::string name;
  int version = 1;
  ModelState state = ModelState::kUnloaded;
  bool pinned = false;
  int leases = 0;
  uint64_t memory_bytes = 0;  // counted while it is loading, loaded or unloading
  double load_seconds = 0;    // of the last load
  uint64_t loads = 0;
  uint64_t evictions = 0;    // unloaded to make room, or unused
  Status failure;            // why the last load failed
  double retry_seconds = 0;  // until another one is tried
  double idle_seconds = 0;   // since the last lease ended
};

struct ModelAlias {
  std::string name;
  std::string target;  // "name" or "name:version"

  bool operator==(const ModelAlias&) const = default;
};

// What becomes of the models while they are used: all of it at once, or nothing.
struct ModelChanges {
  std::vector<ModelDefinition> define;  // new ones, or in the place of that name and version
  std::vector<std::string> remove;      // "name", with all its versions, or "name:version"
  std::vector<ModelAlias> alias;        // new ones, or in the place of that name
  std::vector<std::string> unalias;
  // What takes the place of a loaded model is loaded beside it before, also without this; with it,
  // so is what is new.
  bool load_new = false;
  // Called with each model that was loaded so, before anybody else has it; its error is one of the
  // change. Empty: nothing.
  std::function<Status(Model& model)> prepare = {};
};

// One change of a model's state.
struct ModelEvent {
  uint64_t sequence = 0;  // counts from 1
  double seconds = 0;     // since the manager was made
  std::string name;
  int version = 1;
  ModelState state = ModelState::kUnloaded;
  std::string reason;  // "asked", "evicted", "unused", a failure's message; empty for kLoaded
};

// A model that stays loaded while this or a copy of `model` lives.
struct ModelLease {
  std::shared_ptr<Model> model;
  bool already_loaded = false;  // nothing had to be waited for
  Model* operator->() const { return model.get(); }
  Model& operator*() const { return *model; }
};

// Safe from any thread. Leases may outlive it.
class ACCEL_API ModelManager {
 public:
  // `engine` outlives the manager. INVALID_ARGUMENT for options out of their range.
  static Result<std::unique_ptr<ModelManager>> create(Engine& engine,
                                                      const ManagerOptions& options = {});
  virtual ~ModelManager() = default;

  // Makes a name known; nothing is loaded, and the model need not be there yet. ALREADY_EXISTS for
  // a version that is defined.
  virtual Status define(const ModelDefinition& definition) = 0;
  // Another name for "name" or "name:version" of a model, not of an alias; an alias that is there
  // is moved. NOT_FOUND; INVALID_ARGUMENT for an alias that is a model's name.
  virtual Status alias(const std::string& alias, const std::string& target) = 0;

  // Takes the changes together, when all that they load is ready: nobody who asks for a model that
  // stays waits or is refused. Leases go on with the model that they have, which ends with the last
  // of them. An error leaves everything as it was: NOT_FOUND for what is removed and not there, and
  // for an alias whose model would be gone; RESOURCE_EXHAUSTED where the new ones have no room
  // beside the former; those of Engine::load(). One change at a time; others wait.
  virtual Status change(const ModelChanges& changes) = 0;

  // The model, loaded if it is not. Several who want the same wait for one load. Errors: NOT_FOUND
  // for a name that is not defined, RESOURCE_EXHAUSTED when there is no room, else those of
  // Engine::load(), which are given again until the model has cooled down.
  virtual Result<ModelLease> acquire(const std::string& name) = 0;
  // The same without waiting: nothing where the model is not loaded. NOT_FOUND.
  virtual Result<std::optional<ModelLease>> acquire_loaded(const std::string& name) = 0;
  // Frees it when the last lease ends, unless it is acquired before. FAILED_PRECONDITION "not
  // loaded".
  virtual Status unload(const std::string& name) = 0;
  virtual Status pin(const std::string& name, bool pinned) = 0;
  // Unloads what has been unused for longer than idle_seconds_max, which happens by itself, too.
  virtual int unload_unused() = 0;

  // By name and version.
  virtual std::vector<ManagedModel> models() const = 0;
  // Each with its target, by name.
  virtual std::vector<ModelAlias> aliases() const = 0;
  // Of a model that is loaded; nothing of another. It does not count as a use. NOT_FOUND.
  virtual Result<std::optional<ModelStatistics>> statistics(const std::string& name) const = 0;
  // How "name" is defined. NOT_FOUND.
  virtual Result<ModelDefinition> definition(const std::string& name) const = 0;
  // Those after `sequence`, of the last 1,024.
  virtual std::vector<ModelEvent> events(uint64_t sequence = 0) const = 0;
};

}  // namespace accel
