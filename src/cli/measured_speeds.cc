#include "cli/measured_speeds.h"

#include <algorithm>
#include <utility>

#include "base/try.h"
#include "cli/moments.h"
#include "cli/remembered_facts.h"
#include "cli/wire.h"
#include "hardware/cpu.h"
#include "store/hash.h"

namespace accel::cli {
namespace {

// As made for the task, not chosen by the user: what compares models.
bool is_comparable(const Work& work) { return work.source == "generated"; }

std::vector<measure::BatchTime> batch_times_of(const BenchReport& report) {
  std::vector<measure::BatchTime> times;
  for (const BenchRun& run : report.runs) {
    if (run.plan.scenario != measure::Scenario::kMultiStream) continue;
    times.push_back({static_cast<double>(run.plan.together), measure::typical_ms(run.recording)});
  }
  return times;
}

}  // namespace

Result<MeasuredSpeeds> MeasuredSpeeds::create(Engine& engine) {
  MeasuredSpeeds speeds(engine);
  ACCEL_ASSIGN(const std::filesystem::path cache, cache_folder());
  speeds.folder_ = cache / "facts";
  speeds.cpu_ = hardware::read_cpu().identity();
  speeds.facts_ = store::Facts::create({.folder = speeds.folder_});
  for (const RememberedFact& fact : remembered_facts(speeds.folder_, speeds.cpu_)) {
    if (fact.kind != measure::kSpeedKind || !fact.this_cpu) continue;
    const auto speed = measure::speed_of(fact.value);
    if (speed) speeds.known_.emplace(fact.model, std::pair(fact.engine, *speed));
  }
  return speeds;
}

std::string MeasuredSpeeds::engine_of(const std::string& backend) const {
  for (const BackendReport& one : engine_->backends()) {
    if (one.name == backend) return one.name + " " + one.version;
  }
  return backend;
}

std::vector<measure::MeasuredSpeed> MeasuredSpeeds::of(const std::string& path) const {
  if (known_.empty()) return {};  // asking each model who it is takes a while
  const auto model = store::model_fingerprint(path);
  if (!model.ok()) return {};
  std::vector<measure::MeasuredSpeed> speeds;
  const auto [begin, end] = known_.equal_range(*model);
  for (auto it = begin; it != end; ++it) {
    const auto& [engine, speed] = it->second;
    if (engine == engine_of(speed.backend)) speeds.push_back(speed);
  }
  return speeds;
}

Result<measure::SpeedPlace> MeasuredSpeeds::place_of(const RunReport& report) const {
  ACCEL_ASSIGN(std::string model, store::model_fingerprint(report.model));
  return measure::SpeedPlace{
      .cpu = cpu_, .engine = engine_of(report.backend), .model = std::move(model)};
}

Status MeasuredSpeeds::remember(const Work& work, int64_t seed, const measure::Recording& offline) {
  if (!is_comparable(work) || offline.report.simulated) return {};
  const measure::Figures figures = measure::figures_of(offline);
  measure::MeasuredSpeed speed = measure::speed_setting(offline.report, work.task.name);
  speed.items_per_s = figures.items_per_s;
  speed.tokens_per_s = figures.tokens_per_s;
  speed.inputs = items_text(work, seed);
  speed.measured_at = time_text(now_s());
  ACCEL_ASSIGN(const measure::SpeedPlace place, place_of(offline.report));
  ACCEL_TRY(measure::remember_speed(*facts_, place, speed));
  known_.emplace(place.model, std::pair(place.engine, std::move(speed)));
  return {};
}

void MeasuredSpeeds::predict_and_remember(const Work& work, int64_t seed, BenchReport& report) {
  const std::vector<measure::BatchTime> own = batch_times_of(report);
  const RunReport& ran = report.runs.back().recording.report;
  measure::MeasuredSpeed setting = measure::speed_setting(ran, work.task.name);
  setting.inputs = items_text(work, seed);
  const Result<measure::SpeedPlace> place = place_of(ran);
  const bool kept = is_comparable(work) && !ran.simulated && place.ok();
  std::vector<measure::BatchTime> times;
  if (kept) times = measure::recall_batch_times(*facts_, *place, setting);
  times.insert(times.end(), own.begin(), own.end());
  for (BenchRun& run : report.runs) {
    if (run.plan.scenario == measure::Scenario::kOffline && kept) {
      // A folder that cannot be written is said by accel doctor.
      const Status ignored = remember(work, seed, run.recording);
    }
    if (run.plan.scenario != measure::Scenario::kMultiStream) continue;
    const measure::BatchTime measured{static_cast<double>(run.plan.together),
                                      measure::typical_ms(run.recording)};
    run.expected = measure::hold_out(times, measured);
    run.expected_from = measure::medians_of(times);
    std::erase_if(run.expected_from,
                  [&](const measure::BatchTime& time) { return time.items == measured.items; });
  }
  if (kept && !own.empty()) {
    const Status ignored = measure::remember_batch_times(*facts_, *place, setting, own);
  }
}

}  // namespace accel::cli
