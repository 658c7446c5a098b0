#include "measure/scenario.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <random>

namespace accel::measure {
namespace {

constexpr std::array<ScenarioFacts, 5> kScenarios{{
    {Scenario::kSingleStream, "single-stream", "latency_ms.p90"},
    {Scenario::kMultiStream, "multi-stream", "latency_ms.p99"},
    {Scenario::kServer, "server", "latency_ms.p99"},
    {Scenario::kOffline, "offline", "throughput_items_per_sec"},
    {Scenario::kClients, "clients", "throughput_items_per_sec"},
}};

}  // namespace

std::span<const ScenarioFacts> scenarios() { return kScenarios; }

const ScenarioFacts& facts_of(Scenario scenario) {
  return *std::ranges::find(kScenarios, scenario, &ScenarioFacts::scenario);
}

Result<Scenario> parse_scenario(std::string_view name) {
  const auto found = std::ranges::find(kScenarios, name, &ScenarioFacts::name);
  if (found != kScenarios.end()) return found->scenario;
  std::vector<std::string_view> names;
  for (const ScenarioFacts& facts : kScenarios) names.push_back(facts.name);
  return invalid_argument(
      fmt::format("expected one of {}, found '{}'", fmt::join(names, ", "), name));
}

std::vector<double> poisson_arrivals(double per_s, size_t count, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<double> moments;
  moments.reserve(count);
  double at = 0;
  for (size_t i = 0; i < count; ++i) {
    // Of the generator's own bits, so that every standard library gives the same moments.
    const double chance = static_cast<double>(random() >> 11) * 0x1p-53;
    at += -std::log1p(-chance) / per_s;
    moments.push_back(at);
  }
  return moments;
}

}  // namespace accel::measure
