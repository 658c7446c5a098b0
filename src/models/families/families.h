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
#define ACCEL_FAMILIES(FAMILY)         \
  FAMILY(kAlbert)                      \
  FAMILY(kAudioSpectrogramTransformer) \
  FAMILY(kBart)                        \
  FAMILY(kBeit)                        \
  FAMILY(kBert)                        \
  FAMILY(kCamembert)                   \
  FAMILY(kClip)                        \
  FAMILY(kClipText)                    \
  FAMILY(kClipVision)                  \
  FAMILY(kConvnext)                    \
  FAMILY(kDebertaV2)                   \
  FAMILY(kDeit)                        \
  FAMILY(kDetr)                        \
  FAMILY(kDinov2)                      \
  FAMILY(kDinov2WithRegisters)         \
  FAMILY(kDistilbert)                  \
  FAMILY(kElectra)                     \
  FAMILY(kErnie)                       \
  FAMILY(kGemma)                       \
  FAMILY(kGemma2)                      \
  FAMILY(kGemma3Text)                  \
  FAMILY(kGpt2)                        \
  FAMILY(kGptNeox)                     \
  FAMILY(kGte)                         \
  FAMILY(kHubert)                      \
  FAMILY(kLlama)                       \
  FAMILY(kMarian)                      \
  FAMILY(kMbart)                       \
  FAMILY(kMistral)                     \
  FAMILY(kModernBert)                  \
  FAMILY(kMpnet)                       \
  FAMILY(kMt5)                         \
  FAMILY(kNew)                         \
  FAMILY(kNomicBert)                   \
  FAMILY(kPhi3)                        \
  FAMILY(kQwen2)                       \
  FAMILY(kQwen3)                       \
  FAMILY(kResnet)                      \
  FAMILY(kRoberta)                     \
  FAMILY(kSegformer)                   \
  FAMILY(kSiglip)                      \
  FAMILY(kSiglipText)                  \
  FAMILY(kSiglipVision)                \
  FAMILY(kSwin)                        \
  FAMILY(kT5)                          \
  FAMILY(kUmt5)                        \
  FAMILY(kVit)                         \
  FAMILY(kWav2Vec2)                    \
  FAMILY(kWhisper)                     \
  FAMILY(kXlmRoberta)                  \
  FAMILY(kYolos)

#define ACCEL_DECLARE_FAMILY(name) extern const Family name;
ACCEL_FAMILIES(ACCEL_DECLARE_FAMILY)
#undef ACCEL_DECLARE_FAMILY

}  // namespace accel::models
