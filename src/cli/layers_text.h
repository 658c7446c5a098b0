// Layers of graphs, for people and for programs.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "accel/layers.h"
#include "accel/status.h"

namespace accel::cli {

// {"name", "type", "kernel", "precision", "layout", "fused", and with times "ms", and of a program
// "steps"}. `runs` divides the times; 0: there are none.
nlohmann::ordered_json layer_json(const LayerReport& layer, uint64_t runs);

// "MatMul+Bias+GELU": what a step of accel's kernels does; "3 nodes" of an engine's layer.
std::string fused_text(const LayerReport& layer);

// The error of Model::graphs() with what to do about it.
Status advise_backend(const Status& status);

// What a long name of a node ends with, in at most `most` bytes.
std::string short_name(const std::string& name, size_t most);

}  // namespace accel::cli
