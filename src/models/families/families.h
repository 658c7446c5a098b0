// The list of model families.
#pragma once

#include <span>

#include "models/family.h"

namespace accel::models {

// All families, sorted by model_type.
std::span<const Family* const> families();

// UNIMPLEMENTED naming `model_type` and the known ones.
Result<const Family*> find_family(std::string_view model_type);

extern const Family kBert;
extern const Family kCamembert;
extern const Family kElectra;
extern const Family kRoberta;
extern const Family kXlmRoberta;

}  // namespace accel::models
