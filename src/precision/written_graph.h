// Puts written weights into the graph in place of the constants they were made of:
//
//   f16, bf16   Constant -> Convert
//   integers    Constant -> Convert -> [Subtract zero points] -> Multiply scales -> [Reshape
//   groups]
//               -> [Convert]
//
// which are the forms that OpenVINO's plug-ins recognise and compute with as they are.
#pragma once

#include <cstdint>
#include <memory>
#include <openvino/core/model.hpp>
#include <vector>

#include "accel/status.h"
#include "precision/weight_plan.h"
#include "precision/weight_writer.h"

namespace accel::precision {

// The value that `weight` had in the graph now comes from `written`. Products whose matrix was
// turned find it the other way round.
void replace_weight(const PlannedWeight& weight, const WrittenWeight& written);

// The weights of a graph that were stored in one format.
struct FormatTally {
  WeightFormat format = WeightFormat::kAsStored;
  uint64_t tensors = 0;
  uint64_t bytes_before = 0;
  uint64_t bytes = 0;
};

// Plans, writes and replaces all weights of `model`; what several places of the graph share is
// written once. What was written, by format. Errors as of write_weight().
Result<std::vector<FormatTally>> compress(ov::Model& model, const CompressionOptions& options,
                                          WeightSink& sink);

// Asks the engine to leave activations as they are: with integer weights it would round them to 8
// bits by default, which costs more than the weights' own rounding does.
void keep_activations(ov::Model& model);

// Fixes the first axis of every input to `batch`, and the second of those with two (tokens,
// samples) to `length` where it is free. INVALID_ARGUMENT names inputs that stay free, need a
// length, or contradict the numbers.
Status fix_shapes(ov::Model& model, int64_t batch, int64_t length);

}  // namespace accel::precision
