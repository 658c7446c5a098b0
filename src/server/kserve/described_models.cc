#include "server/kserve/described_models.h"

#include <utility>

#include "base/try.h"
#include "server/collected_models.h"
#include "server/kserve/infer.h"

namespace accel::server::kserve {
namespace {

class AllModelsFormatter : public ModelsFormatter {
 public:
  explicit AllModelsFormatter(ModelsWriter write) : write_(write) {}
  Result<http::Response> finish() override { return write_(models_); }

 private:
  const ModelsWriter write_;
};

class OneModelFormatter : public ModelsFormatter {
 public:
  explicit OneModelFormatter(ModelWriter write) : write_(write) {}
  Result<http::Response> finish() override {
    if (models_.models.size() != 1) return internal_error("expected one model, found several");
    return write_(models_.models.front());
  }

 private:
  const ModelWriter write_;
};

}  // namespace

Call describe_models(ModelsWriter write) {
  return {service::Describe{}, std::make_unique<AllModelsFormatter>(write)};
}

Call describe_model(std::string name, bool facts, ModelWriter write) {
  return {service::Describe{.model = std::move(name), .facts = facts},
          std::make_unique<OneModelFormatter>(write)};
}

Result<Call> describe_model(const Asked& asked, bool facts, ModelWriter write) {
  ACCEL_ASSIGN(std::string name, model_of_path(asked));
  return describe_model(std::move(name), facts, write);
}

Result<std::string> model_of_path(const Asked& asked) {
  return service_name(asked.captured[0], asked.captured.size() > 1 ? asked.captured[1] : "");
}

std::string version_of(const service::ServedModel& model) {
  return std::to_string(model.state.version);
}

std::string_view index_state(ModelState state) {
  switch (state) {
    case ModelState::kLoaded: return "READY";
    case ModelState::kLoading: return "LOADING";
    case ModelState::kUnloading: return "UNLOADING";
    case ModelState::kUnloaded:
    case ModelState::kFailed: break;
  }
  return "UNAVAILABLE";
}

std::string_view index_reason(const ManagedModel& model) {
  switch (model.state) {
    case ModelState::kUnloaded: return "unloaded";
    case ModelState::kFailed: return model.failure.message();
    default: return "";
  }
}

}  // namespace accel::server::kserve
