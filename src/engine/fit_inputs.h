// What a caller gives to infer(), as the graph takes it.
#pragma once

#include <vector>

#include "accel/tensor.h"
#include "models/model_folder.h"

namespace accel::engine {

// `inputs` by name, with the dtypes of `specs`; those that the model is known not to use are left
// out. INVALID_ARGUMENT, with all that is wrong and what is expected, for missing and unknown
// inputs, shapes and dtypes; OUT_OF_RANGE for row numbers outside their tables and for texts that
// are too long. Pure.
Result<NamedTensors> fit_inputs(const NamedTensors& inputs,
                                const std::vector<models::InputSpec>& specs,
                                const models::Facts& facts);

}  // namespace accel::engine
