#include "accel/precision.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string>
#include <utility>

namespace accel {
namespace {

using Spelling = std::pair<std::string_view, Precision>;

constexpr std::array<Spelling, 22> kSpellings{{
    {"auto", Precision::kAuto},
    {"f32", Precision::kF32},
    {"fp32", Precision::kF32},
    {"float32", Precision::kF32},
    {"float", Precision::kF32},
    {"single", Precision::kF32},
    {"bf16", Precision::kBF16},
    {"bfloat16", Precision::kBF16},
    {"f16", Precision::kF16},
    {"fp16", Precision::kF16},
    {"float16", Precision::kF16},
    {"half", Precision::kF16},
    {"i8", Precision::kI8},
    {"int8", Precision::kI8},
    {"i4", Precision::kI4},
    {"int4", Precision::kI4},
    {"torch.float32", Precision::kF32},
    {"torch.bfloat16", Precision::kBF16},
    {"torch.float16", Precision::kF16},
    {"bfp16", Precision::kBF16},
    {"u8", Precision::kI8},
    {"u4", Precision::kI4},
}};

}  // namespace

std::string_view to_string(Precision precision) {
  switch (precision) {
    case Precision::kAuto: return "auto";
    case Precision::kF32: return "f32";
    case Precision::kBF16: return "bf16";
    case Precision::kF16: return "f16";
    case Precision::kI8: return "int8";
    case Precision::kI4: return "int4";
  }
  std::abort();
}

Result<Precision> parse_precision(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return std::tolower(c); });
  const auto it = std::ranges::find(kSpellings, lower, &Spelling::first);
  if (it != kSpellings.end()) return it->second;
  return invalid_argument("'" + std::string(text) +
                          "' is no precision; expected auto, f32 (fp32), bf16, f16 (fp16), int8 or "
                          "int4, in any case");
}

}  // namespace accel
