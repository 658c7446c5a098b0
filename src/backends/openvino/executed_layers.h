// What the engine and accel's programs say of how they run a graph.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <openvino/runtime/compiled_model.hpp>
#include <string>

#include "accel/layers.h"
#include "kernels/program.h"

namespace accel::backend {

// The programs (program_op.h) of a graph, by the names of their nodes.
using Programs = std::map<std::string, std::shared_ptr<const kernels::Program>>;
Programs programs_of(const ov::Model& model);

// Counts and times runs; safe from any thread.
class RunClock {
 public:
  void add(double seconds);
  uint64_t runs() const;
  double seconds() const;

 private:
  mutable std::mutex mutex_;
  uint64_t runs_ = 0;  // guarded by mutex_, as is the next
  double seconds_ = 0;
};

// The layers of `compiled`; `kernels` names those of its programs. Times where there is a clock:
// the engine gives the mean of all runs in whole microseconds, so a layer's total may be short by
// one for each run; those of steps are exact.
LayersReport executed_layers(const ov::CompiledModel& compiled, const Programs& programs,
                             const std::string& kernels, const RunClock* clock);

}  // namespace accel::backend
