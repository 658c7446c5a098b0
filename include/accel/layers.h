// How an engine runs a graph: its layers, what they were made of, and what they take.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace accel {

// A layer as the engine executes it. What an engine does not tell is empty.
struct LayerReport {
  std::string name;                     // of the node of the graph that it ends with
  std::string type;                     // "FullyConnected", "Convolution"; of accel's own "Program"
  std::string kernel;                   // "brgemm_avx2_f32", "accel-avx2"
  std::string precision;                // "f32"
  std::string layout;                   // of its first output: "abcd", blocked by 8 "aBcd8b"
  std::vector<std::string> fused;       // all nodes of the graph that it does
  std::vector<LayerReport> steps = {};  // of a Program: what it does one after the other
  double seconds = 0;                   // of all runs, where they are profiled
};

struct LayersReport {
  std::vector<LayerReport> layers;  // in the order of execution, without constants
  uint64_t runs = 0;                // profiled so far
  double seconds = 0;               // which they took, what lies between the layers included
};

}  // namespace accel
