#include "cli/statistics.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "cli/console.h"
#include "hardware/limits.h"
#include "hub/locate.h"

namespace accel::cli {
namespace {

// Parts of a cache's key that change without a flag.
constexpr auto kSurprising =
    std::to_array<std::string_view>({"weights", "config", "accel", "engine", "cpu"});

CacheStored stored_of(const CacheReport& cache) {
  return cache.stored.valid() ? cache.stored.get() : CacheStored{};
}

nlohmann::ordered_json cache_json(const CacheReport& cache) {
  if (cache.outcome == CacheOutcome::kUnused) return "unused";
  const auto state = [](bool found, bool stored, bool made) {
    return found ? "found" : stored ? "stored" : made ? "made" : "unused";
  };
  const CacheStored stored = stored_of(cache);
  const bool compiled = cache.outcome == CacheOutcome::kCompiledFound;
  nlohmann::ordered_json json{{"graph", state(cache.has_graph, stored.graph, cache.make_ms > 0)},
                              {"compiled", state(compiled, stored.compiled, !compiled)},
                              {"lookup_ms", cache.lookup_ms},
                              {"verify_ms", cache.verify_ms},
                              {"wait_ms", cache.wait_ms},
                              {"import_ms", cache.import_ms},
                              {"make_ms", cache.make_ms},
                              {"compile_ms", cache.compile_ms},
                              {"store_ms", stored.ms}};
  if (!cache.changed.empty()) json["changed"] = cache.changed;
  const std::string& not_kept = cache.not_kept.empty() ? stored.not_kept : cache.not_kept;
  if (!not_kept.empty()) json["not_kept"] = not_kept;
  return json;
}

// What is known of another process.
void add_server_report(nlohmann::ordered_json& line, const RunReport& report) {
  line["server"] = report.server;
  line["model"] = report.model;
  line["device"] = report.device;
  line["precision"] = to_string(report.precision);
  line["backend"] = report.backend;
  line["fallback"] = report.fallback;
  if (report.fallback) line["fallback_reason"] = report.fallback_reason;
  line["simulated"] = report.simulated;
}

}  // namespace

void add_memory(nlohmann::ordered_json& line) {
  constexpr double kMebibyte = 1 << 20;
  const hardware::MemoryUse memory = hardware::read_memory_use();
  line["resident_memory_mb"] = static_cast<double>(memory.resident_bytes) / kMebibyte;
  line["peak_memory_mb"] = static_cast<double>(memory.peak_bytes) / kMebibyte;
}

void add_report(nlohmann::ordered_json& line, const RunReport& report) {
  if (!report.server.empty()) return add_server_report(line, report);
  line["model"] = report.model;
  line["device"] = report.device;
  line["isolation"] = to_string(report.isolation);
  line["precision"] = to_string(report.precision);
  line["precision_source"] = report.precision_source;
  line["backend"] = report.backend;
  line["kernels"] = report.kernels;
  line["source"] = report.source;
  line["streams"] = report.streams;
  line["streams_source"] = report.streams_source;
  line["threads"] = report.threads;
  line["fallback"] = report.fallback;
  if (report.fallback) line["fallback_reason"] = report.fallback_reason;
  if (!report.local_reason.empty()) line["local_reason"] = report.local_reason;
  line["simulated"] = report.simulated;
  if (report.memory_bytes_max > 0) {
    line["memory_bytes"] = report.memory_bytes;
    line["memory_bytes_max"] = report.memory_bytes_max;
  }
  if (!report.warmed_up.empty()) line["warmed_up"] = report.warmed_up;
  line["cache"] = cache_json(report.cache);
}

void add_shares(nlohmann::ordered_json& line, const Model& model) {
  const ModelStatistics statistics = model.statistics();
  line["fallbacks"] = statistics.fallbacks;
  if (statistics.shares.size() < 2) return;
  line["shares"] = nlohmann::ordered_json::array();
  for (const ModelStatistics::Share& share : statistics.shares) {
    line["shares"].push_back({{"device", share.device},
                              {"weight", share.weight},
                              {"rows", share.rows},
                              {"batches", share.batches},
                              {"worked_seconds", share.worked_seconds}});
  }
}

void notice_report(const RunReport& report, std::string_view model) {
  if (!report.server.empty()) {
    notice(fmt::format("{} of {} answered: {} on {} in {}", report.model, report.server,
                       report.backend, report.device, to_string(report.precision)));
  } else if (model == hub::kDefaultName) {
    notice(fmt::format("the default model: {} (accel alias default MODEL chooses another)",
                       report.model));
  }
  if (report.fallback) notice("fell back: " + report.fallback_reason);
  for (const std::string& one : report.notices) notice(one);
  if (report.simulated) {
    notice("devices or faults are simulated: what ran is " + report.device);
  }
  for (const std::string& warning : report.cache.warnings) notice("cache: " + warning);
  const CacheStored stored = stored_of(report.cache);
  for (const std::string& warning : stored.warnings) notice("cache: " + warning);
  // Flags are no surprise to whoever gave them.
  std::vector<std::string_view> changed;
  for (const std::string_view part : report.cache.changed) {
    if (std::ranges::find(kSurprising, part) != kSurprising.end()) changed.push_back(part);
  }
  if (changed.empty()) return;
  notice(fmt::format("{}: another {} than the cache knows; {} again", model,
                     fmt::join(changed, " and "),
                     report.cache.make_ms > 0 ? "converted and compiled" : "compiled"));
}

}  // namespace accel::cli
