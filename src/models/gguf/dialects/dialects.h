// The dialects that are read, by the architecture's name in the file.
#pragma once

#include <span>

#include "models/gguf/dialect.h"

namespace accel::models::gguf {

extern const Dialect kBert;
extern const Dialect kGemma;
extern const Dialect kGemma2;
extern const Dialect kGemma3;
extern const Dialect kGpt2;
extern const Dialect kGptNeox;
extern const Dialect kLlama;
extern const Dialect kModernBert;
extern const Dialect kNomicBert;
extern const Dialect kPhi3;
extern const Dialect kQwen2;
extern const Dialect kQwen3;
extern const Dialect kT5;
extern const Dialect kT5Encoder;

std::span<const Dialect* const> dialects();

// UNIMPLEMENTED lists those that are read.
Result<const Dialect*> find_dialect(std::string_view architecture);

}  // namespace accel::models::gguf
