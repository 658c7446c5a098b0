// Changes of the table while its models are used.
#include <fmt/format.h>

#include <set>
#include <utility>

#include "base/try.h"
#include "runtime/model_table.h"

namespace accel::runtime {

Result<ModelTable::Names> ModelTable::names_after(const TableChanges& changes,
                                                  const std::vector<EntryPtr>& incoming) const {
  Names names = names_;
  for (const std::string& name : changes.remove) ACCEL_TRY(names.erase(name));
  for (const std::string& alias : changes.unalias) names.aliases.erase(alias);
  for (const EntryPtr& entry : incoming) {
    names.entries[{entry->loadable.name, entry->loadable.version}] = entry;
  }
  for (const ModelAlias& alias : changes.alias) names.aliases[alias.name] = alias.target;
  for (const auto& [alias, target] : names.aliases) {
    ACCEL_TRY(names.check({alias, target}).with_context(fmt::format("alias '{}'", alias)));
  }
  return names;
}

Status ModelTable::change(const TableChanges& changes) {
  std::vector<EntryPtr> incoming;
  std::set<Key> keys;
  for (const Loadable& loadable : changes.define) {
    ACCEL_TRY(check_key(loadable));
    if (!keys.emplace(loadable.name, loadable.version).second) {
      return invalid_argument(fmt::format("expected model '{}' version {} once, found it twice",
                                          loadable.name, loadable.version));
    }
    incoming.push_back(std::make_shared<Entry>(Entry{.loadable = loadable}));
  }
  Lock lock(mutex_);
  while (changing_) changed_.wait(lock);
  changing_ = true;
  nameless_.insert(nameless_.end(), incoming.begin(), incoming.end());
  const Status changed = change_locked(changes, incoming, lock);
  for (const EntryPtr& entry : incoming) {
    if (!changed.ok() && entry->state == ModelState::kLoaded) free(*entry, "given up", lock);
    std::erase(nameless_, entry);
  }
  changing_ = false;
  changed_.notify_all();
  return changed;
}

Status ModelTable::change_locked(const TableChanges& changes, const std::vector<EntryPtr>& incoming,
                                 Lock& lock) {
  ACCEL_TRY(names_after(changes, incoming).status());  // before anything is loaded
  for (const EntryPtr& entry : incoming) ACCEL_TRY(load_incoming(changes, entry, lock));
  // Anew: others may have defined something meanwhile.
  ACCEL_ASSIGN(Names names, names_after(changes, incoming));
  put_in_place(std::move(names), lock);
  return {};
}

Status ModelTable::load_incoming(const TableChanges& changes, const EntryPtr& entry, Lock& lock) {
  const Loadable& loadable = entry->loadable;
  const auto former = names_.entries.find({loadable.name, loadable.version});
  const bool wanted = former == names_.entries.end()
                          ? changes.load_new
                          : former->second->state == ModelState::kLoaded ||
                                former->second->state == ModelState::kLoading;
  if (!wanted) return {};
  enter(*entry, ModelState::kLoading, "changed");
  ACCEL_TRY(load(*entry, lock).with_context(loadable.name));
  if (!changes.prepare) return {};
  lock.unlock();
  const Status prepared = changes.prepare(*entry->model);
  lock.lock();
  return prepared.with_context(loadable.name);
}

void ModelTable::put_in_place(Names names, Lock& lock) {
  std::vector<EntryPtr> ends;
  for (const auto& [key, entry] : names_.entries) {
    const auto now = names.entries.find(key);
    if (now != names.entries.end() && now->second == entry) continue;
    entry->retired = true;
    if (now != names.entries.end()) {
      now->second->loads += entry->loads;
      now->second->evictions += entry->evictions;
    }
    if (entry->state == ModelState::kLoaded && entry->leases == 0) ends.push_back(entry);
    // Who is loading it gets a lease, and the last lease ends it.
    if (entry->state != ModelState::kUnloaded && entry->state != ModelState::kFailed) {
      nameless_.push_back(entry);
    }
  }
  names_ = std::move(names);
  changed_.notify_all();
  for (const EntryPtr& entry : ends) {
    free(*entry, "retired", lock);
  }
  forget_ended();
}

void ModelTable::forget_ended() {
  std::erase_if(nameless_, [](const EntryPtr& entry) {
    return entry->retired &&
           (entry->state == ModelState::kUnloaded || entry->state == ModelState::kFailed);
  });
}

}  // namespace accel::runtime
