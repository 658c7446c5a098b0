// What was measured of models on this machine, and what benchmarks add to it
// (measure/remembered_speed.h), with this program's cache.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "accel/engine.h"
#include "cli/bench_report.h"
#include "cli/work.h"
#include "measure/remembered_speed.h"

namespace accel::cli {

class MeasuredSpeeds {
 public:
  // `engine` outlives it: the builds of its backends are part of what is remembered.
  static Result<MeasuredSpeeds> create(Engine& engine);

  // Of a model of any task, device and precision, by the builds there are now.
  std::vector<measure::MeasuredSpeed> of(const std::string& path) const;

  // The batches among `report`'s runs as those of other sizes let expect, remembered ones with
  // them; then the report's own figures are remembered. Only runs on made inputs count, and what
  // cannot be kept is left out: a measurement stays one.
  void predict_and_remember(const Work& work, int64_t seed, BenchReport& report);
  // Remembers how fast the items of `work` were answered all at once.
  Status remember(const Work& work, int64_t seed, const measure::Recording& offline);

 private:
  explicit MeasuredSpeeds(Engine& engine) : engine_(&engine) {}
  std::string engine_of(const std::string& backend) const;
  Result<measure::SpeedPlace> place_of(const RunReport& report) const;

  Engine* engine_;
  std::string cpu_;
  std::filesystem::path folder_;
  std::unique_ptr<store::Facts> facts_;
  // The facts of this machine by model; read once.
  std::multimap<std::string, std::pair<std::string, measure::MeasuredSpeed>> known_;
};

}  // namespace accel::cli
