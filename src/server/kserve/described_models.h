// What the endpoints have in common that look at models: they ask the service to describe them, and
// write what they need of it.
#pragma once

#include <string>
#include <string_view>

#include "accel/status.h"
#include "server/endpoint.h"
#include "server/http/message.h"
#include "service/inference_service.h"

namespace accel::server::kserve {

using ModelsWriter = Result<http::Response> (*)(const service::ServedModels& models);
using ModelWriter = Result<http::Response> (*)(const service::ServedModel& model);

// Every model.
Call describe_models(ModelsWriter write);
// The one that is called so.
Call describe_model(std::string name, bool facts, ModelWriter write);
// The one that the path names, as {model} and where there is one {version}.
Result<Call> describe_model(const Asked& asked, bool facts, ModelWriter write);

// What the service calls the model of a path.
Result<std::string> model_of_path(const Asked& asked);

// How the protocol writes a version.
std::string version_of(const service::ServedModel& model);

// How Triton's index calls a state, and why a model is not ready.
std::string_view index_state(ModelState state);
std::string_view index_reason(const ManagedModel& model);

}  // namespace accel::server::kserve
