// A result file of `accel bench`, as far as comparing needs it. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "accel/status.h"

namespace accel::measure {

struct BenchedRun {
  std::string name;  // of the scenario with what tells runs of it apart: "clients 4"
  std::vector<double> latencies_ms;
  double items_per_s = 0;
};

struct BenchFile {
  std::string model;
  std::string task;
  std::string backend;
  std::string device;
  std::string precision;
  std::string kernels;
  std::string machine;  // the processor's name and how many threads may be used
  // Of the inputs, and of made ones the seed; different ones make no comparison.
  std::string inputs;
  std::vector<BenchedRun> runs;
};

// INVALID_ARGUMENT says what is missing or of another kind, DATA_LOSS that it is no JSON.
Result<BenchFile> parse_bench_file(std::string_view text);

}  // namespace accel::measure
