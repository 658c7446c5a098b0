// The effective value of each option, and what follows from them. Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "accel/engine.h"
#include "accel/model_manager.h"
#include "config/layer.h"

namespace accel::config {

struct Effective {
  const Option* option;
  Value value;
  int rank;  // of whoever gave it: the lower, the closer to the call
};

// One for each option, in their order. `layers` are the strongest first; within a layer what it
// says of `model` goes before what it says of all. A layer's name of a model is `model`, else its
// last part without revision: "gpt2" of "openai-community/gpt2@main" or "models/gpt2".
std::vector<Effective> merge(std::span<const Layer> layers, std::string_view model);

// Of `effective`, which has them all.
const Effective& effective_of(std::span<const Effective> effective, std::string_view key);

// What has no effect, and why; else empty. "not applicable: the device is CPU".
std::string note_of(std::span<const Effective> effective, const Effective& one);

// How `model` is to be loaded; an empty one is the model_path of all, else the default model.
LoadOptions load_options_of(std::span<const Effective> effective, const std::string& model);

ManagerOptions manager_options_of(std::span<const Effective> effective);

// But for the converters.
EngineOptions engine_options_of(std::span<const Effective> effective);

}  // namespace accel::config
