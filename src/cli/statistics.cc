#include "cli/statistics.h"

#include "hardware/limits.h"

namespace accel::cli {

void add_memory(nlohmann::ordered_json& line) {
  constexpr double kMebibyte = 1 << 20;
  const hardware::MemoryUse memory = hardware::read_memory_use();
  line["resident_memory_mb"] = static_cast<double>(memory.resident_bytes) / kMebibyte;
  line["peak_memory_mb"] = static_cast<double>(memory.peak_bytes) / kMebibyte;
}

void add_report(nlohmann::ordered_json& line, const RunReport& report) {
  line["device"] = report.device;
  line["precision"] = to_string(report.precision);
  line["precision_source"] = report.precision_source;
  line["backend"] = report.backend;
  line["kernels"] = report.kernels;
  line["source"] = report.source;
  line["streams"] = report.streams;
  line["threads"] = report.threads;
  line["fallback"] = report.fallback;
  if (report.fallback) line["fallback_reason"] = report.fallback_reason;
}

}  // namespace accel::cli
