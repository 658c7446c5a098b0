// How a model is loaded with work: the four scenarios of MLPerf Inference (Reddi et al. 2020,
// section IV), and a number of clients that wait for their answers. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "accel/status.h"

namespace accel::measure {

enum class Scenario : uint8_t {
  kSingleStream,  // one item after the other; its figure is the 90th percentile of latency
  kMultiStream,   // several items at once, one such query after the other; 99th percentile
  kServer,        // items arrive by chance, whatever the model is doing; 99th percentile
  kOffline,       // all items at once; items per second
  kClients,       // several that each send an item and wait for its answer; items per second
};

struct ScenarioFacts {
  Scenario scenario;
  std::string_view name;    // "single-stream"
  std::string_view metric;  // what MLPerf judges it by: "latency_ms.p90", "throughput..."
};
std::span<const ScenarioFacts> scenarios();
const ScenarioFacts& facts_of(Scenario scenario);
// INVALID_ARGUMENT with the names there are.
Result<Scenario> parse_scenario(std::string_view name);

// `count` moments in seconds from 0 on at which items arrive independently of each other, `per_s`
// of them in a second on average: a Poisson process. The same seed gives the same moments.
std::vector<double> poisson_arrivals(double per_s, size_t count, uint64_t seed);

}  // namespace accel::measure
