// The service of this machine: a manager's models.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "accel/engine.h"
#include "accel/model_manager.h"
#include "service/inference_service.h"

namespace accel::engine {

struct LocalServiceOptions {
  // That tokenise and decode what is long, and run raw tensors; 0: one more than processors.
  int threads = 0;
  int loading_threads = 2;  // that wait for models which are being loaded; at least 1
  // Of one request, at the model at the same time: others get their turn beside a long one.
  int items_at_once = 128;
  // Is told an error whole, where clients see a model's name in place of where its files lie
  // (shown_errors.h). May be empty.
  std::function<void(std::string_view)> say = {};
};

// `engine` and `manager` outlive the service; its streams may outlive it.
std::unique_ptr<service::InferenceService> make_local_service(
    Engine& engine, ModelManager& manager, const LocalServiceOptions& options = {});

}  // namespace accel::engine
