#include "cli/top_view.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "cli/table.h"

namespace accel::cli {
namespace {

using client::MetricLabels;
using client::MetricPage;

// Two pages and what grew between them.
class Growth {
 public:
  Growth(const MetricPage& now, const MetricPage& before, double seconds)
      : now_(now), before_(before), seconds_(std::max(seconds, 1e-3)) {}

  const MetricPage& now() const { return now_; }
  double of(std::string_view name, const MetricLabels& labels = {}) const {
    return std::max(now_.sum(name, labels) - before_.sum(name, labels), 0.0);
  }
  double per_sec(std::string_view name, const MetricLabels& labels = {}) const {
    return of(name, labels) / seconds_;
  }
  TopTimes times(std::string_view name, const MetricLabels& labels) const {
    return {in_ms(quantile(now_, before_, name, labels, 0.5)),
            in_ms(quantile(now_, before_, name, labels, 0.95))};
  }

 private:
  static std::optional<double> in_ms(std::optional<double> seconds) {
    return seconds ? std::optional(*seconds * 1000) : std::nullopt;
  }

  const MetricPage& now_;
  const MetricPage& before_;
  const double seconds_;
};

double part_of(double part, double all) { return all > 0 ? part / all : 0; }

TopModel model_of(const Growth& growth, const std::string& name) {
  const MetricLabels labels{{"model", name}};
  const MetricPage& now = growth.now();
  const double tokens = growth.of("accel_tokens_total", labels);
  const double padded = growth.of("accel_padded_tokens_total", labels);
  return {.name = name,
          .loaded = now.sum("accel_model_loaded", labels) > 0,
          .memory_bytes = static_cast<uint64_t>(now.sum("accel_model_memory_bytes", labels)),
          .waiting_rows = static_cast<uint64_t>(now.sum("accel_model_waiting_rows", labels)),
          .items_per_sec = growth.per_sec("accel_items_total", labels),
          .failed_per_sec = growth.per_sec("accel_items_failed_total", labels),
          .tokens_per_sec = growth.per_sec("accel_tokens_total", labels),
          .padding = part_of(padded, tokens + padded),
          .batch_rows = part_of(growth.of("accel_batch_rows_sum", labels),
                                growth.of("accel_batch_rows_count", labels)),
          .queue = growth.times("accel_stage_seconds", {{"model", name}, {"stage", "queue"}}),
          .infer = growth.times("accel_stage_seconds", {{"model", name}, {"stage", "infer"}})};
}

void add_devices(const Growth& growth, const std::string& model, std::vector<TopDevice>& devices) {
  for (const std::string& device : growth.now().values("accel_model_rows_total", "device")) {
    const MetricLabels labels{{"model", model}, {"device", device}};
    if (growth.now().sum("accel_model_rows_total", labels) == 0) continue;
    devices.push_back({.model = model,
                       .device = device,
                       .rows_per_sec = growth.per_sec("accel_model_rows_total", labels),
                       .batches_per_sec = growth.per_sec("accel_model_batches_total", labels),
                       .busy = growth.per_sec("accel_model_busy_seconds_total", labels)});
  }
}

std::vector<TopEndpoint> endpoints_of(const Growth& growth) {
  std::vector<TopEndpoint> endpoints;
  for (const std::string& path : growth.now().values("accel_requests_total", "endpoint")) {
    const MetricLabels labels{{"endpoint", path}};
    TopEndpoint endpoint{.path = path,
                         .requests_per_sec = growth.per_sec("accel_requests_total", labels),
                         .times = growth.times("accel_request_seconds", labels)};
    if (endpoint.requests_per_sec == 0) continue;
    for (const std::string& code : growth.now().values("accel_requests_total", "code")) {
      if (code < "400") continue;
      endpoint.errors_per_sec +=
          growth.per_sec("accel_requests_total", {{"endpoint", path}, {"code", code}});
    }
    endpoints.push_back(std::move(endpoint));
  }
  std::ranges::stable_sort(endpoints, std::greater<>(), &TopEndpoint::requests_per_sec);
  return endpoints;
}

std::string rate(double per_sec) {
  return per_sec < 9.95 ? fmt::format("{:.1f}", per_sec) : fmt::format("{:.0f}", per_sec);
}

std::string milliseconds(const std::optional<double>& ms) {
  if (!ms) return "-";
  return *ms < 9.95 ? fmt::format("{:.1f}", *ms) : fmt::format("{:.0f}", *ms);
}

std::string up_text(double seconds) {
  const auto whole = static_cast<uint64_t>(std::max(seconds, 0.0));
  const uint64_t days = whole / 86400;
  const std::string clock =
      fmt::format("{}:{:02}:{:02}", whole % 86400 / 3600, whole % 3600 / 60, whole % 60);
  return days == 0 ? clock : fmt::format("{} d {}", days, clock);
}

std::string models_text(const TopView& view) {
  Table table({Align::kLeft, Align::kLeft, Align::kRight, Align::kRight, Align::kRight,
               Align::kRight, Align::kRight, Align::kRight, Align::kRight, Align::kRight,
               Align::kRight});
  table.add({"model", "state", "memory", "waiting", "items/s", "failed/s", "tokens/s", "padding",
             "batch", "queue p95", "infer p95"});
  for (const TopModel& model : view.models) {
    table.add({model.name, model.loaded ? "loaded" : "-", human_bytes(model.memory_bytes),
               std::to_string(model.waiting_rows), rate(model.items_per_sec),
               rate(model.failed_per_sec), rate(model.tokens_per_sec),
               fmt::format("{:.0f} %", 100 * model.padding), rate(model.batch_rows),
               milliseconds(model.queue.p95_ms), milliseconds(model.infer.p95_ms)});
  }
  return table.text(2);
}

std::string devices_text(const TopView& view) {
  Table table({Align::kLeft, Align::kLeft, Align::kRight, Align::kRight, Align::kRight});
  table.add({"model", "device", "rows/s", "batches/s", "busy"});
  for (const TopDevice& device : view.devices) {
    table.add({device.model, device.device, rate(device.rows_per_sec), rate(device.batches_per_sec),
               fmt::format("{:.2f}", device.busy)});
  }
  return table.text(2);
}

std::string endpoints_text(const TopView& view) {
  Table table({Align::kLeft, Align::kRight, Align::kRight, Align::kRight, Align::kRight});
  table.add({"endpoint", "requests/s", "errors/s", "p50 ms", "p95 ms"});
  for (const TopEndpoint& endpoint : view.endpoints) {
    table.add({endpoint.path.empty() ? "(no such path)" : endpoint.path,
               rate(endpoint.requests_per_sec), rate(endpoint.errors_per_sec),
               milliseconds(endpoint.times.p50_ms), milliseconds(endpoint.times.p95_ms)});
  }
  return table.text(2);
}

Json times_json(const TopTimes& times) {
  Json out;
  out["p50_ms"] = times.p50_ms ? Json(*times.p50_ms) : Json();
  out["p95_ms"] = times.p95_ms ? Json(*times.p95_ms) : Json();
  return out;
}

}  // namespace

TopView top_view(const MetricPage& now, const MetricPage& before, double seconds, double clock) {
  const Growth growth(now, before, seconds);
  TopView view{.up_seconds = clock - now.sum("process_start_time_seconds"),
               .requests_per_sec = growth.per_sec("accel_requests_total"),
               .refused_per_sec = growth.per_sec("accel_refusals_total"),
               .requests_in_flight = static_cast<uint64_t>(now.sum("accel_requests_in_flight")),
               .connections = static_cast<uint64_t>(now.sum("accel_http_connections")),
               .connections_active =
                   static_cast<uint64_t>(now.sum("accel_http_connections", {{"state", "active"}})),
               .processors = growth.per_sec("process_cpu_seconds_total"),
               .memory_bytes = static_cast<uint64_t>(now.sum("process_resident_memory_bytes")),
               .endpoints = endpoints_of(growth)};
  const std::vector<std::string> versions = now.values("accel_build_info", "version");
  if (!versions.empty()) view.version = versions.front();
  for (const std::string& name : now.values("accel_model_loaded", "model")) {
    view.models.push_back(model_of(growth, name));
    add_devices(growth, name, view.devices);
  }
  return view;
}

std::string top_text(const TopView& view, const std::string& server) {
  return fmt::format("accel {} at {}, up {}\n"
                     "{} requests/s, {} under way, {} refused/s; {} connections, {} active; "
                     "{:.2f} processors, {}\n\n{}\n{}\n{}",
                     view.version, printable(server), up_text(view.up_seconds),
                     rate(view.requests_per_sec), view.requests_in_flight,
                     rate(view.refused_per_sec), view.connections, view.connections_active,
                     view.processors, human_bytes(view.memory_bytes), models_text(view),
                     devices_text(view), endpoints_text(view));
}

OrderedJson top_json(const TopView& view, const std::string& server) {
  OrderedJson out{{"server", server},
                  {"version", view.version},
                  {"up_seconds", view.up_seconds},
                  {"requests_per_sec", view.requests_per_sec},
                  {"requests_in_flight", view.requests_in_flight},
                  {"refused_per_sec", view.refused_per_sec},
                  {"connections", view.connections},
                  {"connections_active", view.connections_active},
                  {"processors", view.processors},
                  {"memory_bytes", view.memory_bytes},
                  {"models", OrderedJson::array()},
                  {"devices", OrderedJson::array()},
                  {"endpoints", OrderedJson::array()}};
  for (const TopModel& model : view.models) {
    out["models"].push_back({{"name", model.name},
                             {"loaded", model.loaded},
                             {"memory_bytes", model.memory_bytes},
                             {"waiting_rows", model.waiting_rows},
                             {"items_per_sec", model.items_per_sec},
                             {"failed_per_sec", model.failed_per_sec},
                             {"tokens_per_sec", model.tokens_per_sec},
                             {"padding", model.padding},
                             {"batch_rows", model.batch_rows},
                             {"queue", times_json(model.queue)},
                             {"infer", times_json(model.infer)}});
  }
  for (const TopDevice& device : view.devices) {
    out["devices"].push_back({{"model", device.model},
                              {"device", device.device},
                              {"rows_per_sec", device.rows_per_sec},
                              {"batches_per_sec", device.batches_per_sec},
                              {"busy", device.busy}});
  }
  for (const TopEndpoint& endpoint : view.endpoints) {
    out["endpoints"].push_back({{"path", endpoint.path},
                                {"requests_per_sec", endpoint.requests_per_sec},
                                {"errors_per_sec", endpoint.errors_per_sec},
                                {"times", times_json(endpoint.times)}});
  }
  return out;
}

}  // namespace accel::cli
