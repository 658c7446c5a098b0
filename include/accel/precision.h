// Precision: the arithmetic a model runs in, and its many spellings.
#pragma once

#include <string_view>

#include "accel/status.h"

namespace accel {

enum class Precision {
  kAuto,  // the fastest measured on this machine that keeps the answers; f32 until measured
  kF32,
  kBF16,
  kF16,
  kI8,  // recognised; no engine of this build runs it yet
  kI4,  // likewise
};

ACCEL_API std::string_view to_string(Precision precision);  // "auto", "f32", "bf16", ...

// Accepts every usual spelling in any case: f32 fp32 float32 float single; bf16 bfloat16; f16 fp16
// float16 half; int8 i8; int4 i4; auto. Anything else is INVALID_ARGUMENT listing the accepted
// names.
ACCEL_API Result<Precision> parse_precision(std::string_view text);

}  // namespace accel
