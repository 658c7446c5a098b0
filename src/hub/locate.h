// From what a user calls a model to where it lies.
#pragma once

#include <filesystem>
#include <string>

#include "accel/status.h"
#include "hub/settings.h"

namespace accel::hub {

// What is meant where no model is named: an alias of this name, else the model below.
constexpr const char* kDefaultName = "default";
constexpr const char* kDefaultModel = "sentence-transformers/all-MiniLM-L6-v2";

// The model folder (or file) that `name` means, the first of:
// * the path itself; of a model's folder in a hub cache the snapshot in use;
// * what the alias `name` stands for; of kDefaultName without one kDefaultModel;
// * "org/name" or "org/name@revision" in the cache, of which revision see find_snapshot().
// NOT_FOUND says where it looked and which `accel pull` line gets the model.
Result<std::filesystem::path> locate_model(const std::string& name,
                                           const Places& where = user_places());

}  // namespace accel::hub
