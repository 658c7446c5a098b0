// Inputs for a graph that nobody gave any: made from its signature, always the same.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "accel/status.h"
#include "accel/tensor.h"
#include "backend/backend.h"
#include "models/model_folder.h"

namespace accel::engine {

struct SampleLimits {
  // Of inputs that are row numbers of a table: its rows. Others get small numbers.
  std::map<std::string, int64_t> rows;
  // What is known of inputs besides the graph's own shapes: sizes of axes that are free there.
  std::map<std::string, Shape> shapes;
  int64_t longest = 0;  // of tokens; 0: no limit
  int64_t batch = 2;    // where the graph leaves it free
  int64_t tokens = 24;  // likewise
};

// What is known of a model's inputs for `head`.
SampleLimits sample_limits(const models::ModelFolder& folder, models::Head head);

// Rows of different content; masks of ones, the second row shorter;
// pixels and samples from a normal distribution.
Result<NamedTensors> sample_inputs(const backend::Signature& signature, const SampleLimits& limits);

}  // namespace accel::engine
