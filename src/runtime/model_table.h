// ModelTable: which models are in memory; what accel/model_manager.h promises, without an engine.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "accel/model_manager.h"
#include "runtime/admission.h"

namespace accel::runtime {

// A model as the table sees it.
struct Loadable {
  std::string name;
  int version = 1;
  uint64_t bytes_max = 0;
  bool pinned = false;
  LoadOptions options = {};  // as definition() tells them
  // Bytes that it will take, before anything is allocated.
  std::function<Result<uint64_t>()> estimate;
  std::function<Result<std::shared_ptr<Model>>()> load;
};

// As accel::ModelChanges, of what the table sees.
struct TableChanges {
  std::vector<Loadable> define;
  std::vector<std::string> remove = {};
  std::vector<ModelAlias> alias = {};
  std::vector<std::string> unalias = {};
  bool load_new = false;
  std::function<Status(Model& model)> prepare = {};
};

// Safe from any thread. `estimate` and `load` run on the thread that acquires, without a lock, once
// at a time for each model.
class ModelTable : public std::enable_shared_from_this<ModelTable> {
 public:
  using Clock = std::chrono::steady_clock;

  // `now`: for tests.
  static std::shared_ptr<ModelTable> create(const ManagerOptions& options,
                                            std::function<Clock::time_point()> now = Clock::now);
  ~ModelTable();
  ModelTable(const ModelTable&) = delete;
  ModelTable& operator=(const ModelTable&) = delete;

  Status define(Loadable loadable);
  Status alias(const std::string& alias, const std::string& target);
  Status change(const TableChanges& changes);
  Result<ModelLease> acquire(const std::string& name);
  Result<std::optional<ModelLease>> acquire_loaded(const std::string& name);
  Status unload(const std::string& name);
  Status pin(const std::string& name, bool pinned);
  int unload_unused();
  std::vector<ManagedModel> models() const;
  std::vector<ModelAlias> aliases() const;
  Result<std::optional<ModelStatistics>> statistics(const std::string& name) const;
  Result<ModelDefinition> definition(const std::string& name) const;
  std::vector<ModelEvent> events(uint64_t sequence) const;

 private:
  using Lock = std::unique_lock<std::mutex>;
  using Key = std::pair<std::string, int>;
  struct Entry {
    Loadable loadable;
    ModelState state = ModelState::kUnloaded;
    bool leaving = false;  // loaded, to be unloaded when the last lease ends
    bool retired = false;  // no name leads here any more, and it ends with the last lease
    int leases = 0;
    uint64_t bytes = 0;
    std::shared_ptr<Model> model;
    double load_seconds = 0;
    uint64_t loads = 0;
    uint64_t evictions = 0;
    uint64_t failures = 0;  // in a row
    Status failure;
    Clock::time_point retry_at;
    Clock::time_point last_used;
  };

  using EntryPtr = std::shared_ptr<Entry>;
  // What names lead to.
  struct Names {
    std::map<Key, EntryPtr> entries;
    std::map<std::string, std::string> aliases;

    Result<EntryPtr> find(const std::string& name) const;
    Status check(const ModelAlias& alias) const;
    Status erase(const std::string& name);
    Status undefined(const std::string& name) const;  // NOT_FOUND, with the names that there are
  };

  ModelTable(const ManagerOptions& options, std::function<Clock::time_point()> now);

  static Status check_key(const Loadable& loadable);
  ModelLease lease(const EntryPtr& entry, bool already_loaded);
  void end_lease(const EntryPtr& entry);
  // The entry is kLoading when these begin. They let go of the lock in between.
  Status load(Entry& entry, Lock& lock);
  Status make_room(Entry& entry, uint64_t bytes, Lock& lock);
  Result<std::shared_ptr<Model>> load_unlocked(Entry& entry, Lock& lock);
  // Lets go of the lock while the model ends.
  void free(Entry& entry, const std::string& reason, Lock& lock);
  void enter(Entry& entry, ModelState state, const std::string& reason);
  // What a change leads to, `incoming` being the entries of its `define`.
  Result<Names> names_after(const TableChanges& changes,
                            const std::vector<EntryPtr>& incoming) const;
  Status change_locked(const TableChanges& changes, const std::vector<EntryPtr>& incoming,
                       Lock& lock);
  Status load_incoming(const TableChanges& changes, const EntryPtr& entry, Lock& lock);
  void put_in_place(Names names, Lock& lock);
  void forget_ended();  // of nameless_
  void watch_unused(const std::stop_token& stop);

  const ManagerOptions options_;
  const std::function<Clock::time_point()> now_;
  const Clock::time_point begin_;

  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  // Guarded by mutex_, the entries too:
  Names names_;
  // Those that take memory and have no name: about to get one, or retired and leased. Whoever loads
  // or leases them takes care of them; they make no room.
  std::vector<EntryPtr> nameless_;
  bool changing_ = false;
  std::deque<ModelEvent> events_;
  uint64_t sequence_ = 0;
  int loading_ = 0;

  std::jthread watch_;  // ends first
};

}  // namespace accel::runtime
