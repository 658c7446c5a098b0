// Puts written weights into the graph in place of the constants they were made of:
//
//   f16, bf16   Constant -> Convert
//   integers    Constant -> Convert -> [Subtract zero points] -> Multiply scales -> [Reshape groups]
//               -> [Convert]
//
// which are the forms that OpenVINO's plug-ins recognise and compute with as they are.
#pragma once

#include <cstdint>
#include <memory>
#include <openvino/core/model.hpp>

#include "accel/status.h"
#include "precision/weight_plan.h"
#include "precision/weight_writer.h"

namespace accel::precision {

// The value that `weight` had in the graph now comes from `written`. Products whose matrix was
// turned find it the other way round.
void replace_weight(const PlannedWeight& weight, const WrittenWeight& written);

// Asks the engine to leave activations as they are: with integer weights it would round them to 8
// bits by default, which costs more than the weights' own rounding does.
void keep_activations(ov::Model& model);

// Fixes the first axis of every input to `batch`, and the second of those with two (tokens, samples)
// to `length` where it is free. INVALID_ARGUMENT names inputs that stay free, need a length, or
// contradict the numbers.
Status fix_shapes(ov::Model& model, int64_t batch, int64_t length);

}  // namespace accel::precision
