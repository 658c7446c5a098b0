// What benchmarks of a model came to on this machine, kept as facts (store/facts.h), so that models
// can be ranked by it and times predicted from it. Only what was measured on made inputs is kept:
// on the user's own, two models would not be comparable.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "accel/engine.h"
#include "base/json.h"
#include "measure/predictor.h"
#include "store/facts.h"

namespace accel::measure {

inline constexpr const char* kSpeedKind = "speed";
inline constexpr const char* kBatchTimesKind = "batch-times";

// Of a model, a task, a device and a precision: all items at once, again and again (offline).
struct MeasuredSpeed {
  std::string task;
  std::string backend;
  std::string device;  // that ran it
  std::string precision;
  std::string kernels;
  int streams = 0;
  int threads = 0;
  double items_per_s = 0;
  double tokens_per_s = 0;  // 0: no texts
  std::string inputs;       // "64 texts made with seed 1"
  std::string measured_at;  // "2026-11-30T09:30:00Z"

  bool operator==(const MeasuredSpeed&) const = default;
};

// What ran, as far as a report tells.
MeasuredSpeed speed_setting(const RunReport& report, const std::string& task);

Json speed_json(const MeasuredSpeed& speed);
// Nothing for a value that is no such fact.
std::optional<MeasuredSpeed> speed_of(const Json& value);

// Where facts of a model on this machine are kept.
struct SpeedPlace {
  std::string cpu;     // hardware::CpuInfo::identity()
  std::string engine;  // backend and build
  std::string model;   // store::model_fingerprint()
};

Status remember_speed(store::Facts& facts, const SpeedPlace& place, const MeasuredSpeed& speed);

// Times by batch size, of a setting and of the same inputs (MeasuredSpeed::inputs; rates do not
// matter). Of a size the last kTimesKept are kept.
inline constexpr size_t kTimesKept = 9;
std::vector<BatchTime> recall_batch_times(const store::Facts& facts, const SpeedPlace& place,
                                          const MeasuredSpeed& setting);
Status remember_batch_times(store::Facts& facts, const SpeedPlace& place,
                            const MeasuredSpeed& setting, std::span<const BatchTime> times);

}  // namespace accel::measure
