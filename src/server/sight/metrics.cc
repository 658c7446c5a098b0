#include "server/sight/metrics.h"

#include <algorithm>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "accel/engine.h"
#include "server/sight/metric_text.h"
#include "server/sight/model_metrics.h"
#include "server/sight/process_use.h"
#include "server/sight/request_counts.h"

namespace accel::server {
namespace {

void append_connections(const http::HttpCounts& counts, MetricText& text) {
  text.begin(metric("accel_http_connections"));
  // The two are read one after another.
  const uint64_t idle = std::min(counts.connections_idle, counts.connections);
  text.sample({{"state", "active"}}, counts.connections - idle);
  text.sample({{"state", "idle"}}, idle);
  const auto append = [&](const MetricInfo& metric, uint64_t value) {
    text.begin(metric);
    text.sample({}, value);
  };
  append(metric("accel_http_connections_accepted_total"), counts.accepted);
  append(metric("accel_http_connections_refused_total"), counts.refused);
  append(metric("accel_http_requests_malformed_total"), counts.malformed);
  append(metric("accel_http_timeouts_total"), counts.timeouts);
  append(metric("accel_http_requests_abandoned_total"), counts.abandoned);
  append(metric("accel_http_received_bytes_total"), counts.bytes_in);
  append(metric("accel_http_sent_bytes_total"), counts.bytes_out);
}

void append_losses(const MetricSources& sources, MetricText& text) {
  if (sources.log) {
    const LogCounts counts = sources.log();
    text.begin(metric("accel_log_lines_total"));
    text.sample({{"outcome", "written"}}, counts.written);
    text.sample({{"outcome", "dropped"}}, counts.dropped);
    text.sample({{"outcome", "failed"}}, counts.failed);
  }
  if (sources.traces) {
    const SpanCounts counts = sources.traces();
    text.begin(metric("accel_trace_spans_total"));
    text.sample({{"outcome", "exported"}}, counts.exported);
    text.sample({{"outcome", "dropped"}}, counts.dropped);
    text.sample({{"outcome", "failed"}}, counts.failed);
  }
}

void append_reloads(const ReloadCounts& counts, MetricText& text) {
  text.begin(metric("accel_reloads_total"));
  text.sample({{"outcome", "taken"}}, counts.taken);
  text.sample({{"outcome", "refused"}}, counts.refused);
}

void append_inputs(const InputCountsByScheme& counts, MetricText& text) {
  text.begin(metric("accel_inputs_total"));
  for (const auto& [name, scheme] : {std::pair("http", InputScheme::kHttp),
                                     {"data", InputScheme::kData},
                                     {"file", InputScheme::kFile}}) {
    const InputCounts& one = counts[static_cast<size_t>(scheme)];
    text.sample({{"scheme", name}, {"outcome", "taken"}}, one.taken);
    text.sample({{"scheme", name}, {"outcome", "refused"}}, one.refused);
    text.sample({{"scheme", name}, {"outcome", "failed"}}, one.failed);
  }
}

void append_process(MetricText& text) {
  const ProcessUse use = read_process_use();
  text.begin(metric("process_resident_memory_bytes"));
  text.sample({}, use.resident_bytes);
  text.begin(metric("process_cpu_seconds_total"));
  text.sample({}, use.cpu_seconds);
  text.begin(metric("process_open_fds"));
  text.sample({}, use.open_fds);
  text.begin(metric("process_max_fds"));
  text.sample({}, use.max_fds);
  text.begin(metric("process_start_time_seconds"));
  if (use.start_seconds > 0) text.sample({}, use.start_seconds);
  text.begin(metric("accel_build_info"));
  text.sample({{"version", version()}}, 1);
}

}  // namespace

struct Metrics::State {
  explicit State(service::InferenceService& of) : service(of) {}

  service::InferenceService& service;
  mutable std::mutex mutex;
  // Guarded by mutex:
  RequestCounts counts;
  ServedNames names;
  MetricSources sources;

  std::optional<std::vector<service::ServedModel>> describe() {
    auto models = describe_all(service);
    const std::lock_guard lock(mutex);
    if (models) names.take(*models);
    return models;
  }
};

Metrics::Metrics(service::InferenceService& service) : state_(std::make_unique<State>(service)) {
  state_->describe();
}
Metrics::~Metrics() = default;

void Metrics::observe(const RequestRecord& record) {
  const Histogram batch_rows = RequestCounts::batch_rows_of(record);
  const std::lock_guard lock(state_->mutex);
  state_->counts.add(record, state_->names.model_of(record.model), batch_rows);
}

RequestObserver Metrics::observer() {
  return [this](const RequestRecord& record) { observe(record); };
}

void Metrics::watch(MetricSources sources) {
  const std::lock_guard lock(state_->mutex);
  state_->sources = std::move(sources);
}

std::string Metrics::text() const {
  const auto models = state_->describe();
  std::unique_lock lock(state_->mutex);
  const RequestCounts counts = state_->counts;  // requests need not wait for the text
  const MetricSources sources = state_->sources;
  lock.unlock();
  MetricText text;
  if (sources.in_flight) {
    text.begin(metric("accel_requests_in_flight"));
    text.sample({}, sources.in_flight());
  }
  counts.append_to(text);
  if (models) append_model_metrics(*models, text);
  if (sources.http) append_connections(sources.http(), text);
  if (sources.inputs) append_inputs(sources.inputs(), text);
  append_losses(sources, text);
  if (sources.reloads) append_reloads(sources.reloads(), text);
  if (sources.certificate_seconds) {
    text.begin(metric("accel_tls_certificate_seconds_left"));
    text.sample({}, sources.certificate_seconds());
  }
  append_process(text);
  return text.take();
}

}  // namespace accel::server
