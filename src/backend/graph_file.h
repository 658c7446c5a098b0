// A graph as bytes: what a converter made of a model, kept so that it need not be made again.
//
//   the weights, from byte 0, each as the engine's IR places it
//   the graph as IR text
//   "accelgrf", size of the weights (8 bytes), size of the text (8): little-endian
#pragma once

#include <memory>
#include <ostream>
#include <string>

#include "backend/backend.h"

namespace accel::backend {

// Writes `model` with its weights. `out` is at the position 0. UNIMPLEMENTED for a graph that IR
// cannot hold.
Status write_graph(const ov::Model& model, std::ostream& out);

// The graph that write_graph() wrote. Its weights are views of `blob`, kept by the graph. DATA_LOSS
// for what is no such graph. As with compiled models, give only bytes that a checksum found
// unchanged.
Result<std::shared_ptr<const ov::Model>> read_graph(const Blob& blob);

// The graph of an OpenVINO IR: the content of its .xml file, and of its .bin file, which the
// graph's constants view and keep. DATA_LOSS for what is no IR. Give only what this program wrote.
Result<std::shared_ptr<ov::Model>> read_ir(const std::string& text, const Blob& weights);

}  // namespace accel::backend
