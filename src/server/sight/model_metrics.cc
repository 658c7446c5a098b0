#include "server/sight/model_metrics.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <variant>

namespace accel::server {
namespace {

using service::ServedModel;

// Several instances may be on one device.
struct DeviceSums {
  uint64_t rows = 0;
  uint64_t batches = 0;
  double busy_seconds = 0;
};
struct WorkerSums {
  uint64_t starts = 0;
  uint64_t crashes = 0;
  uint64_t hangs = 0;
};

struct ModelFigures {
  const ServedModel* model = nullptr;
  std::string version;
  std::map<std::string, DeviceSums> devices;
  std::map<std::string, WorkerSums> workers;
};

ModelFigures figures_of(const ServedModel& model) {
  ModelFigures figures{.model = &model, .version = std::to_string(model.state.version)};
  if (!model.statistics) return figures;
  for (const ModelStatistics::Share& share : model.statistics->shares) {
    DeviceSums& sums = figures.devices[share.device];
    sums.rows += share.rows;
    sums.batches += share.batches;
    sums.busy_seconds += share.worked_seconds;
  }
  for (const WorkerReport& worker : model.statistics->workers) {
    WorkerSums& sums = figures.workers[worker.device];
    sums.starts += worker.starts;
    sums.crashes += worker.crashes;
    sums.hangs += worker.hangs;
  }
  return figures;
}

class ModelMetricsText {
 public:
  ModelMetricsText(const std::vector<ServedModel>& models, MetricText& text) : text_(text) {
    for (const ServedModel& model : models) figures_.push_back(figures_of(model));
  }

  // `value` of each model's state.
  template <class Value>
  void of_state(const MetricInfo& metric, const Value& value) {
    text_.begin(metric);
    for (const ModelFigures& one : figures_) {
      text_.sample({{"model", one.model->state.name}, {"version", one.version}},
                   value(one.model->state));
    }
  }

  // `value` of the statistics of each loaded model.
  template <class Value>
  void of_statistics(const MetricInfo& metric, const Value& value) {
    text_.begin(metric);
    for (const ModelFigures& one : figures_) {
      if (!one.model->statistics) continue;
      text_.sample({{"model", one.model->state.name}, {"version", one.version}},
                   value(*one.model->statistics));
    }
  }

  void items() {
    text_.begin(metric("accel_model_items_total"));
    for (const ModelFigures& one : figures_) {
      if (!one.model->statistics) continue;
      const ModelStatistics& counts = *one.model->statistics;
      for (const auto& [outcome, count] : {std::pair{"answered", counts.answered},
                                           {"failed", counts.failed},
                                           {"cancelled", counts.cancelled},
                                           {"late", counts.late},
                                           {"refused", counts.refused}}) {
        text_.sample(
            {{"model", one.model->state.name}, {"version", one.version}, {"outcome", outcome}},
            count);
      }
    }
  }

  // `value` of each device in `sums`, a member of ModelFigures.
  template <class Sums, class Value>
  void of_devices(const MetricInfo& metric, Sums ModelFigures::*sums, const Value& value) {
    text_.begin(metric);
    for (const ModelFigures& one : figures_) {
      for (const auto& [device, sum] : one.*sums) {
        text_.sample(
            {{"model", one.model->state.name}, {"version", one.version}, {"device", device}},
            value(sum));
      }
    }
  }

 private:
  MetricText& text_;
  std::vector<ModelFigures> figures_;
};

}  // namespace

std::optional<std::vector<ServedModel>> describe_all(service::InferenceService& service) {
  const auto stream = service.submit(service::Describe{});
  std::optional<Result<service::Event>> event = stream->try_next();
  if (!event || !event->ok()) return std::nullopt;
  auto* served = std::get_if<service::ServedModels>(&**event);
  if (served == nullptr) return std::nullopt;
  return std::move(served->models);
}

void append_model_metrics(const std::vector<ServedModel>& models, MetricText& text) {
  using State = ManagedModel;
  using Statistics = ModelStatistics;
  ModelMetricsText all(models, text);
  all.of_state(metric("accel_model_loaded"),
               [](const State& one) { return one.state == ModelState::kLoaded; });
  all.of_state(metric("accel_model_failed"),
               [](const State& one) { return one.state == ModelState::kFailed; });
  all.of_state(metric("accel_model_memory_bytes"),
               [](const State& one) { return one.memory_bytes; });
  all.of_state(metric("accel_model_load_seconds"),
               [](const State& one) { return one.load_seconds; });
  all.of_state(metric("accel_model_loads_total"), [](const State& one) { return one.loads; });
  all.of_state(metric("accel_model_evictions_total"),
               [](const State& one) { return one.evictions; });
  all.of_statistics(metric("accel_model_waiting_rows"),
                    [](const Statistics& one) { return one.waiting; });
  all.items();
  all.of_devices(metric("accel_model_rows_total"), &ModelFigures::devices,
                 [](const DeviceSums& one) { return one.rows; });
  all.of_devices(metric("accel_model_batches_total"), &ModelFigures::devices,
                 [](const DeviceSums& one) { return one.batches; });
  all.of_devices(metric("accel_model_busy_seconds_total"), &ModelFigures::devices,
                 [](const DeviceSums& one) { return one.busy_seconds; });
  all.of_statistics(metric("accel_model_fallback_runs_total"),
                    [](const Statistics& one) { return one.fallbacks; });
  all.of_statistics(metric("accel_model_hangs_total"),
                    [](const Statistics& one) { return one.hangs; });
  all.of_devices(metric("accel_worker_starts_total"), &ModelFigures::workers,
                 [](const WorkerSums& one) { return one.starts; });
  all.of_devices(metric("accel_worker_crashes_total"), &ModelFigures::workers,
                 [](const WorkerSums& one) { return one.crashes; });
  all.of_devices(metric("accel_worker_hangs_total"), &ModelFigures::workers,
                 [](const WorkerSums& one) { return one.hangs; });
}

void ServedNames::take(const std::vector<ServedModel>& models) {
  names_.clear();
  for (const ServedModel& model : models) {
    names_[model.state.name] = model.state.name;
    for (const std::string& alias : model.aliases) names_[alias] = model.state.name;
  }
}

std::string_view ServedNames::model_of(std::string_view asked) const {
  auto found = names_.find(asked);
  if (found == names_.end()) found = names_.find(asked.substr(0, asked.find(':')));
  return found == names_.end() ? std::string_view() : std::string_view(found->second);
}

}  // namespace accel::server
