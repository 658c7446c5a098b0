// How a model's facts are written in metadata and configurations. Pure.
#pragma once

#include <span>
#include <string>

#include "accel/reports.h"
#include "accel/tensor.h"
#include "server/json/json_writer.h"

namespace accel::server::kserve {

// "accel_native", "accel_onnx": "<project>_<format>", as the protocol wants it.
std::string platform_of(const ModelReport& facts);

// What the model gives for tensors. An embedding that is computed from the graph's outputs, not by
// the graph itself, comes of items only.
std::span<const PortReport> graph_outputs(const ModelReport& facts);

void write_shape(JsonWriter& json, const Shape& shape);

}  // namespace accel::server::kserve
