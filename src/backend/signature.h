// Pure checks shared by all backends.
#pragma once

#include "backend/backend.h"

namespace accel::backend {

// The names, dtypes and shapes of a graph's parameters and results. A result's name is the first
// tensor name of its source.
Signature signature_of(const ov::Model& model);

// INVALID_ARGUMENT unless `inputs` holds exactly the signature's inputs with fitting dtype and
// shape. The message lists every deviation and the expected inputs.
Status check_inputs(const Signature& signature, const NamedTensors& inputs);

// "input_ids i64[?,?]", for messages and tables.
std::string describe(const Port& port);

}  // namespace accel::backend
