#include "accel/config.h"
#include "base/try.h"

namespace accel {

Result<std::unique_ptr<ModelManager>> create_manager(Engine& engine, const Config& config) {
  ACCEL_ASSIGN(auto manager, ModelManager::create(engine, config.manager_options()));
  for (const std::string& name : config.models()) {
    ACCEL_ASSIGN(const ModelDefinition definition, config.definition(name));
    ACCEL_TRY(manager->define(definition).with_context("model_overrides"));
  }
  return manager;
}

}  // namespace accel
