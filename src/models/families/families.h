// The list of model families.
#pragma once

#include <span>

#include "models/family.h"

namespace accel::models {

// All families, sorted by model_type.
std::span<const Family* const> families();

// UNIMPLEMENTED naming `model_type` and the known ones.
Result<const Family*> find_family(std::string_view model_type);

// The list: one line per family, sorted by model_type.
#define ACCEL_FAMILIES(FAMILY) \
  FAMILY(kBart)                \
  FAMILY(kBert)                \
  FAMILY(kCamembert)           \
  FAMILY(kElectra)             \
  FAMILY(kMarian)              \
  FAMILY(kMbart)               \
  FAMILY(kMt5)                 \
  FAMILY(kRoberta)             \
  FAMILY(kT5)                  \
  FAMILY(kUmt5)                \
  FAMILY(kXlmRoberta)

#define ACCEL_DECLARE_FAMILY(name) extern const Family name;
ACCEL_FAMILIES(ACCEL_DECLARE_FAMILY)
#undef ACCEL_DECLARE_FAMILY

}  // namespace accel::models
