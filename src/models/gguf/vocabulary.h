// The vocabulary in a GGUF file's metadata.
#pragma once

#include "accel/status.h"
#include "models/gguf/source.h"
#include "text/ggml_vocabulary.h"

namespace accel::models::gguf {

// NOT_FOUND when there is none; INVALID_ARGUMENT names a key of a wrong kind.
Result<text::GgmlVocabulary> read_vocabulary(const GgufSource& source);

}  // namespace accel::models::gguf
