// A foreign graph with the inputs and outputs that the rest of accel knows.
#pragma once

#include <map>
#include <memory>
#include <openvino/core/model.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "accel/status.h"
#include "models/family.h"
#include "models/foreign/roles.h"

namespace accel::models::foreign {

// The parameters of a graph under the names of their roles.
struct AdaptedInputs {
  ov::ParameterVector parameters;
  std::map<std::string, Output, std::less<>> values;  // by role
};

// Gives `model`'s parameters the names and types of `inputs`, and those roles that are not among
// `wanted` their filling; the graph uses the new ones from then on. INVALID_ARGUMENT names the
// inputs that the graph cannot go without.
Result<AdaptedInputs> adapt_inputs(const ov::Model& model, const std::vector<MappedInput>& inputs,
                                   const std::vector<std::string>& wanted);

// The values of `model`'s results; those of narrow or double floats in f32.
std::vector<Output> f32_outputs(const ov::Model& model);

// The graph's inputs and outputs under its own names, one each.
void keep_own_names(ov::Model& model, const std::vector<GraphPort>& inputs,
                    const std::vector<GraphPort>& outputs);

}  // namespace accel::models::foreign
