// What a caller says that a model is, held against what it is.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "accel/engine.h"
#include "models/model_folder.h"

namespace accel::engine {

// "text", "vision", "audio" or "multimodal", by the names of a model's inputs; empty where they do
// not tell. Pure.
std::string_view type_of_inputs(std::span<const std::string> inputs);

// INVALID_ARGUMENT unless `folder` is of options.model_format and options.model_type, where given.
Status check_stated(const models::ModelFolder& folder, const LoadOptions& options);

}  // namespace accel::engine
