#include "models/gguf/dialects/dialects.h"

#include <fmt/format.h>

#include <array>

#include "tensors/shown.h"

namespace accel::models::gguf {
namespace {

constexpr std::array<const Dialect*, 14> kDialects{
    &kBert,       &kGemma,     &kGemma2, &kGemma3, &kGpt2,  &kGptNeox, &kLlama,
    &kModernBert, &kNomicBert, &kPhi3,   &kQwen2,  &kQwen3, &kT5,      &kT5Encoder,
};

}  // namespace

std::span<const Dialect* const> dialects() { return kDialects; }

Result<const Dialect*> find_dialect(std::string_view architecture) {
  std::string known;
  for (const Dialect* dialect : kDialects) {
    if (dialect->architecture == architecture) return dialect;
    known += fmt::format("{}{}", known.empty() ? "" : ", ", dialect->architecture);
  }
  return unimplemented(fmt::format("the architecture {} is not read from GGUF; those that are: {}",
                                   tensors::shown(architecture), known));
}

}  // namespace accel::models::gguf
