#include "engine/local_manager.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "accel/model_manager.h"
#include "base/try.h"
#include "runtime/model_table.h"

namespace accel {
namespace engine {
namespace {

class LocalManager : public ModelManager {
 public:
  LocalManager(Engine& engine, const ManagerOptions& options)
      : engine_(engine),
        memory_bytes_max_(options.memory_bytes_max),
        table_(runtime::ModelTable::create(options)) {}

  Status define(const ModelDefinition& definition) override {
    return table_->define(loadable(definition));
  }
  Status change(const ModelChanges& changes) override {
    runtime::TableChanges asked{.define = {},
                                .remove = changes.remove,
                                .alias = changes.alias,
                                .unalias = changes.unalias,
                                .load_new = changes.load_new,
                                .prepare = changes.prepare};
    for (const ModelDefinition& one : changes.define) asked.define.push_back(loadable(one));
    return table_->change(asked);
  }
  Status alias(const std::string& alias, const std::string& target) override {
    return table_->alias(alias, target);
  }
  Result<ModelLease> acquire(const std::string& name) override { return table_->acquire(name); }
  Result<std::optional<ModelLease>> acquire_loaded(const std::string& name) override {
    return table_->acquire_loaded(name);
  }
  Status unload(const std::string& name) override { return table_->unload(name); }
  Status pin(const std::string& name, bool pinned) override { return table_->pin(name, pinned); }
  int unload_unused() override { return table_->unload_unused(); }
  std::vector<ManagedModel> models() const override { return table_->models(); }
  std::vector<ModelAlias> aliases() const override { return table_->aliases(); }
  Result<std::optional<ModelStatistics>> statistics(const std::string& name) const override {
    return table_->statistics(name);
  }
  Result<ModelDefinition> definition(const std::string& name) const override {
    return table_->definition(name);
  }
  std::vector<ModelEvent> events(uint64_t sequence) const override {
    return table_->events(sequence);
  }

 private:
  runtime::Loadable loadable(const ModelDefinition& definition) const {
    LoadOptions load = definition.load;
    for (const uint64_t bound : {definition.memory_bytes_max, memory_bytes_max_}) {
      if (load.memory_bytes_max == 0) load.memory_bytes_max = bound;
    }
    return {.name = definition.name,
            .version = definition.version,
            .bytes_max = definition.memory_bytes_max,
            .pinned = definition.pinned,
            .options = definition.load,
            .estimate = [&engine = engine_, load]() -> Result<uint64_t> {
              ACCEL_ASSIGN(const ModelReport report, engine.describe(load.path, load.use_optimum));
              return memory_needed(report, load.precision);
            },
            .load = [&engine = engine_, load] { return engine.load(load); }};
  }

  Engine& engine_;
  const uint64_t memory_bytes_max_;
  const std::shared_ptr<runtime::ModelTable> table_;
};

// Whether every part of "f16+f32" is a type of floating numbers that become those of a precision.
bool is_floating(std::string_view formats) {
  while (!formats.empty()) {
    const std::string_view format = formats.substr(0, formats.find('+'));
    formats.remove_prefix(std::min(formats.size(), format.size() + 1));
    if (format != "f32" && format != "f16" && format != "bf16" && format != "f64") return false;
  }
  return true;
}

}  // namespace

uint64_t memory_needed(const ModelReport& report, Precision precision) {
  const bool packed = !is_floating(report.weights_dtype) && report.unpacked_tensors == 0;
  if (packed) return report.bytes_on_disk;
  const bool narrow = precision == Precision::kBF16 || precision == Precision::kF16;
  return report.parameters * (narrow ? 2 : 4);
}

}  // namespace engine

Result<std::unique_ptr<ModelManager>> ModelManager::create(Engine& engine,
                                                           const ManagerOptions& options) {
  if (options.idle_seconds_max < 0 || options.cooldown_seconds < 0 || options.loads_max < 1) {
    return invalid_argument(fmt::format(
        "expected idle_seconds_max and cooldown_seconds of at least 0 and loads_max of at least 1, "
        "found {}, {} and {}",
        options.idle_seconds_max, options.cooldown_seconds, options.loads_max));
  }
  return std::unique_ptr<ModelManager>(std::make_unique<engine::LocalManager>(engine, options));
}

}  // namespace accel
