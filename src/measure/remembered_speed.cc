#include "measure/remembered_speed.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace accel::measure {
namespace {

std::string fact_text_in(const Json& value, const char* name) {
  const auto found = value.find(name);
  return found != value.end() && found->is_string() ? found->get<std::string>() : "";
}

double fact_number_in(const Json& value, const char* name) {
  const auto found = value.find(name);
  return found != value.end() && found->is_number() ? found->get<double>() : 0;
}

store::FactKey key_of(const char* kind, const SpeedPlace& place, std::string detail) {
  return {.kind = kind,
          .cpu = place.cpu,
          .engine = place.engine,
          .model = place.model,
          .detail = std::move(detail)};
}

store::FactKey times_key(const SpeedPlace& place, const MeasuredSpeed& setting) {
  return key_of(kBatchTimesKind, place,
                fmt::format("{} on {} in {}, {} kernels, {} streams, {} threads, {}", setting.task,
                            setting.device, setting.precision, setting.kernels, setting.streams,
                            setting.threads, setting.inputs));
}

}  // namespace

MeasuredSpeed speed_setting(const RunReport& report, const std::string& task) {
  return {.task = task,
          .backend = report.backend,
          .device = report.device,
          .precision = std::string(to_string(report.precision)),
          .kernels = report.kernels,
          .streams = report.streams,
          .threads = report.threads};
}

Json speed_json(const MeasuredSpeed& speed) {
  return {{"task", speed.task},
          {"backend", speed.backend},
          {"device", speed.device},
          {"precision", speed.precision},
          {"kernels", speed.kernels},
          {"streams", speed.streams},
          {"threads", speed.threads},
          {"items_per_sec", speed.items_per_s},
          {"tokens_per_sec", speed.tokens_per_s},
          {"inputs", speed.inputs},
          {"measured_at", speed.measured_at}};
}

std::optional<MeasuredSpeed> speed_of(const Json& value) {
  if (!value.is_object()) return std::nullopt;
  MeasuredSpeed speed{.task = fact_text_in(value, "task"),
                      .backend = fact_text_in(value, "backend"),
                      .device = fact_text_in(value, "device"),
                      .precision = fact_text_in(value, "precision"),
                      .kernels = fact_text_in(value, "kernels"),
                      .items_per_s = fact_number_in(value, "items_per_sec"),
                      .tokens_per_s = fact_number_in(value, "tokens_per_sec"),
                      .inputs = fact_text_in(value, "inputs"),
                      .measured_at = fact_text_in(value, "measured_at")};
  // Cores and streams are few; a file may say anything.
  speed.streams = static_cast<int>(std::clamp(fact_number_in(value, "streams"), 0.0, 1e6));
  speed.threads = static_cast<int>(std::clamp(fact_number_in(value, "threads"), 0.0, 1e6));
  if (speed.task.empty() || !(speed.items_per_s > 0)) return std::nullopt;
  return speed;
}

Status remember_speed(store::Facts& facts, const SpeedPlace& place, const MeasuredSpeed& speed) {
  return facts.put(key_of(kSpeedKind, place,
                          fmt::format("{} on {} in {}", speed.task, speed.device, speed.precision)),
                   speed_json(speed));
}

std::vector<BatchTime> recall_batch_times(const store::Facts& facts, const SpeedPlace& place,
                                          const MeasuredSpeed& setting) {
  const auto known = facts.get(times_key(place, setting));
  if (!known || !known->is_array()) return {};
  std::vector<BatchTime> times;
  for (const Json& one : *known) {
    if (!one.is_object()) continue;
    const BatchTime time{fact_number_in(one, "items"), fact_number_in(one, "ms")};
    if (time.items > 0 && time.ms > 0) times.push_back(time);
  }
  return times;
}

Status remember_batch_times(store::Facts& facts, const SpeedPlace& place,
                            const MeasuredSpeed& setting, std::span<const BatchTime> times) {
  std::vector<BatchTime> all = recall_batch_times(facts, place, setting);
  all.insert(all.end(), times.begin(), times.end());
  Json kept = Json::array();
  for (size_t i = 0; i < all.size(); ++i) {
    const auto later =
        std::count_if(all.begin() + static_cast<ptrdiff_t>(i) + 1, all.end(),
                      [&](const BatchTime& time) { return time.items == all[i].items; });
    if (static_cast<size_t>(later) >= kTimesKept) continue;
    kept.push_back({{"items", all[i].items}, {"ms", all[i].ms}});
  }
  return facts.put(times_key(place, setting), kept);
}

}  // namespace accel::measure
