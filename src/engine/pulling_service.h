// A service that pulls models from a hub, before one that answers everything else.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "accel/engine.h"
#include "accel/model_manager.h"
#include "hub/download.h"
#include "service/inference_service.h"

namespace accel::engine {

struct PullingOptions {
  // Of repositories, as hub::matches_pattern() has them: "org/*". What fits none is
  // PERMISSION_DENIED.
  std::vector<std::string> allowed;
  int pulls_max = 2;       // under way at the same time, of different models; at least 1
  size_t models_max = 64;  // that were added to the manager so
  // The hub, the cache and how they are spoken to; asked for each pull, on its thread.
  std::function<Result<hub::PullOptions>()> hub;
  // How a model whose files lie in that folder is loaded; on the same thread.
  std::function<Result<LoadOptions>(const std::string& folder)> load;
};

// A pulled model has the name that it was asked for by. Pulled again it is replaced, as
// ModelManager::change() does, where the hub has another commit. A name that was defined otherwise
// stays as it is: only its files are brought up to date.
//
// `inner`, `engine` and `manager` outlive the service; its streams may outlive it. Its end breaks
// off what is under way.
std::unique_ptr<service::InferenceService> make_pulling_service(service::InferenceService& inner,
                                                                Engine& engine,
                                                                ModelManager& manager,
                                                                PullingOptions options);

}  // namespace accel::engine
