// Gives a graph with narrow weights the f32 numbers that an engine would make of them, from a file:
// an engine's own are in its memory until it has packed them, twice the weights' size for nothing,
// while those of a mapped file can be released behind it.
#pragma once

#include <cstdint>
#include <memory>
#include <openvino/core/model.hpp>
#include <vector>

#include "accel/status.h"
#include "base/files.h"
#include "precision/weight_writer.h"

namespace accel::precision {

struct WidenedWeight {
  ov::Output<ov::Node> value;  // of the conversion to f32
  backend::Place place;        // of its numbers
};

// Appends the numbers of all large f16 and bf16 constants with a conversion to f32 behind them.
Result<std::vector<WidenedWeight>> write_widened(const ov::Model& model, WeightSink& sink);

// Puts constants over `file`, which holds what was written, in place of the conversions.
void use_widened(const std::vector<WidenedWeight>& weights,
                 const std::shared_ptr<const MappedFile>& file);

}  // namespace accel::precision
