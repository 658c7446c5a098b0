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
  FAMILY(kBeit)                \
  FAMILY(kBert)                \
  FAMILY(kCamembert)           \
  FAMILY(kClip)                \
  FAMILY(kClipText)            \
  FAMILY(kClipVision)          \
  FAMILY(kDeit)                \
  FAMILY(kDinov2)              \
  FAMILY(kDinov2WithRegisters) \
  FAMILY(kElectra)             \
  FAMILY(kRoberta)             \
  FAMILY(kSiglip)              \
  FAMILY(kSiglipText)          \
  FAMILY(kSiglipVision)        \
  FAMILY(kVit)                 \
  FAMILY(kXlmRoberta)          \
  FAMILY(kYolos)

#define ACCEL_DECLARE_FAMILY(name) extern const Family name;
ACCEL_FAMILIES(ACCEL_DECLARE_FAMILY)
#undef ACCEL_DECLARE_FAMILY

}  // namespace accel::models
