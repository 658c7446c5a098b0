// Which of the models at hand suits: by word, task, size and memory, the fastest measured first.
// Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "accel/engine.h"
#include "measure/remembered_speed.h"

namespace accel::measure {

struct RankedModel {
  FoundModel model;
  ModelReport report;
  uint64_t memory_bytes = 0;  // of its weights
  bool fits = true;           // into what there is of memory
  // The fastest that was measured, of any device and precision and of the task that is asked for;
  // none: nothing was.
  std::optional<MeasuredSpeed> speed;
};

struct ModelSearch {
  std::string word;         // part of name, family, architecture or a task, in any case
  std::string task;         // by the Hub's name; empty: any
  uint64_t bytes_max = 0;   // on disk; 0: any
  uint64_t memory_max = 0;  // of the machine; 0: not known
  bool only_fitting = false;
};

bool suits(const RankedModel& candidate, const ModelSearch& search);

// The fastest of `speeds` of `task`; of any task where that is empty.
std::optional<MeasuredSpeed> fastest_of(std::vector<MeasuredSpeed> speeds, const std::string& task);

// Those that suit: what fits before what does not, what was measured before what was not, by items
// per second, then the smaller and the name. `fits` is set.
std::vector<RankedModel> ranked(std::vector<RankedModel> candidates, const ModelSearch& search);

}  // namespace accel::measure
