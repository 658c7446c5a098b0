#include "engine/remembered_tunings.h"

#include <fmt/format.h>

#include <utility>

#include "base/try.h"
#include "store/content_hash.h"
#include "store/hash.h"

namespace accel::engine {

std::string tuned_engine(std::string_view engine_version) {
  return fmt::format("{}, accel {}", engine_version, version());
}

Result<store::FactKey> RememberedTunings::key(const std::string& path,
                                              const std::string& device) const {
  ACCEL_ASSIGN(std::string model, store::model_fingerprint(path));
  return store::FactKey{.kind = "tuning",
                        .cpu = cpu_,
                        .engine = tuned_engine(engine_->info().version),
                        .model = std::move(model),
                        .detail = fmt::format("{}, {} threads", device, threads_)};
}

std::optional<Tuning> RememberedTunings::find(const runtime::Candidate& where,
                                              const std::string& path) const {
  if (where.backend != "openvino") return std::nullopt;
  const auto found = key(path, where.device);
  const auto known = found.ok() ? facts_.get(*found) : std::nullopt;
  return known ? tuning_from_json(*known) : std::nullopt;
}

bool RememberedTunings::keep(const std::string& device, const std::string& path,
                             const Tuning& tuning) const {
  const auto found = key(path, device);
  return found.ok() && facts_.put(*found, to_json(tuning)).ok();
}

Result<MeasuredModel> measure_model(const TuningPlan& plan, const LoadForTuning& load) {
  if (plan.precisions.empty() || plan.precisions.front() != Precision::kF32) {
    return unavailable(fmt::format("{} does not run f32, so nothing can be measured", plan.device));
  }
  const TuneOptions options{.precisions = plan.precisions,
                            .threads = plan.threads,
                            .time = std::chrono::duration<double>(plan.seconds)};
  ACCEL_ASSIGN(const std::vector<TimedSetting> settings,
               time_settings(options, [&](Precision precision, int streams) {
                 return load({.device = plan.device, .precision = precision, .streams = streams});
               }));
  Tuning tuning = choose(settings);
  if (plan.local_too) {
    const Precision best = tuning.throughput.precision;
    const auto accelerated = time_path([&] { return load({.precision = best}); });
    const auto local = time_path([&] { return load({.local = true}); });
    if (accelerated.ok() && local.ok()) tuning.paths = {*local, *accelerated};
  }
  const BatchSizes sizes = tuning.sizes[tuning.throughput.precision];
  MeasureReport report{.settings = {},
                       .latency = tuning.latency,
                       .throughput = tuning.throughput,
                       .batch_tokens = sizes.max_tokens,
                       .batch_rows = sizes.max_rows,
                       .paths = tuning.paths};
  for (const TimedSetting& setting : settings) report.settings.push_back(told(setting));
  return MeasuredModel{std::move(tuning), std::move(report)};
}

}  // namespace accel::engine
