#include "cli/model_reload.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/try.h"
#include "cli/console.h"

namespace accel::cli {

ModelReload::ModelReload(Engine& engine, ModelManager& manager, ModelReloadOptions options)
    : engine_(engine), manager_(manager), options_(std::move(options)), queue_("reload", 1) {}

ModelReload::~ModelReload() { ending_ = true; }

Result<std::unique_ptr<ModelReload>> ModelReload::create(Engine& engine, ModelManager& manager,
                                                         ServedSetup setup,
                                                         ModelReloadOptions options) {
  std::unique_ptr<ModelReload> made(new ModelReload(engine, manager, std::move(options)));
  made->looks_ = setup.files;
  ACCEL_TRY(made->take(std::move(setup), /*load_new=*/false, /*first=*/true));
  return made;
}

void ModelReload::ask() {
  if (!asked_.exchange(true)) queue_.entrance().post([this] { reload(); });
}

void ModelReload::reload() {
  asked_ = false;
  if (ending_) return;
  Status taken;
  FileLooks looks = look_again(looks_read());  // before: what changes meanwhile is seen next time
  Result<ServedSetup> setup = options_.read();
  if (setup.ok()) looks = setup->files;
  {
    const std::lock_guard lock(mutex_);
    looks_ = std::move(looks);
  }
  if (setup.ok()) {
    taken = take(std::move(*setup), !options_.lazy, /*first=*/false);
  } else {
    taken = setup.status();
  }
  {
    const std::lock_guard lock(mutex_);
    ++(taken.ok() ? counts_.taken : counts_.refused);
  }
  if (!taken.ok() && !ending_) {
    notice(fmt::format("models: stay as they were: {}", taken.message()));
  }
  if (options_.done) options_.done();
}

Status ModelReload::take(ServedSetup setup, bool load_new, bool first) {
  ServedSetup before;
  {
    const std::lock_guard lock(mutex_);
    before = now_;
  }
  for (const std::string& text : setup.notices) {
    if (std::ranges::find(before.notices, text) == before.notices.end()) notice(text);
  }
  const std::vector<ReloadStep> steps = plan_reload(before, setup);
  ModelChanges changes = changes_of(steps, setup);
  for (const auto& [definition, argument, versioned] : setup.models) {
    if (!argument || std::ranges::find(changes.define, definition) == changes.define.end()) {
      continue;
    }
    const LoadOptions& load = definition.load;
    ACCEL_TRY(engine_.describe(load.path, load.use_optimum).status().with_context(definition.name));
  }
  changes.load_new = load_new;
  changes.prepare = [this](Model& model) {
    if (ending_) return cancelled("the server ends");
    const Status ready = model.prepare("");
    // A graph without a task is compiled by the first who asks.
    return ready.code() == StatusCode::kFailedPrecondition ? Status() : ready;
  };
  ACCEL_TRY(manager_.change(changes));
  {
    const std::lock_guard lock(mutex_);
    setup.fixed = first ? std::move(setup.fixed) : now_.fixed;  // those that hold
    now_ = std::move(setup);
  }
  if (first) return {};
  notice(fmt::format("models: {}", told(steps)));
  if (const std::string restart = told_of_restart(steps); !restart.empty()) notice(restart);
  return {};
}

server::ReloadCounts ModelReload::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

FileLooks ModelReload::looks_read() const {
  const std::lock_guard lock(mutex_);
  return looks_;
}

bool ModelReload::files_changed() const {
  const FileLooks looks = looks_read();
  return look_again(looks) != looks;
}

}  // namespace accel::cli
