// What a model's layers took between two moments, and by kind. Pure.
#pragma once

#include <string>
#include <vector>

#include "accel/layers.h"

namespace accel::measure {

// What `after` has more than `before` of the same graph: runs, their time, each layer's and each
// step's. Layers are matched by place. Times never are below 0.
LayersReport layers_between(const LayersReport& before, LayersReport after);

struct KindTime {
  std::string type;
  std::string kernel;
  int layers = 0;
  double seconds = 0;
};

// By type and kernel, the longest first. A program's steps count for themselves, and what of its
// time is none of theirs as "Program"; what of the run is no layer's as "between layers", so that
// the sum is the time of the runs.
std::vector<KindTime> times_by_kind(const LayersReport& report);

// Seconds of the runs that are no layer's: the engine's own work between them, and what it rounds
// away. Not below 0.
double seconds_between_layers(const LayersReport& report);

}  // namespace accel::measure
