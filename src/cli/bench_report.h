// What `accel bench` writes: one form for every backend, device and kind of model, described by
// docs/reference/bench_schema.json.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "accel/engine.h"
#include "measure/figures.h"
#include "measure/predictor.h"
#include "measure/runner.h"

namespace accel::cli {

struct BenchRun {
  measure::Plan plan;
  measure::Recording recording;
  measure::Figures figures;
  // Of multi-stream: how long the batch was expected to take, by the others.
  std::optional<measure::HeldOut> expected = {};
  std::vector<measure::BatchTime> expected_from = {};
};

struct BenchReport {
  std::string task;
  std::string input_source;
  size_t inputs = 0;
  double load_s = 0;
  std::vector<BenchRun> runs;  // at least one
  nlohmann::ordered_json machine;
};

// Processor, instruction sets, cores that this process may use and what limits it, memory, system,
// load average. To be read before measuring: the load is that of the others.
nlohmann::ordered_json machine_json();

nlohmann::ordered_json bench_json(const BenchReport& report);
// For people.
std::string bench_text(const BenchReport& report);

// Both, of several runs one below the other.
std::string bench_chart(const BenchReport& report);

}  // namespace accel::cli
