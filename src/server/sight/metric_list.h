// Every metric that GET /metrics may show, in its order: what docs/reference/metrics.md is made of.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace accel::server {

enum class MetricType : uint8_t { kCounter, kGauge, kHistogram };

struct MetricInfo {
  std::string_view name;
  MetricType type;
  std::string_view labels;  // "endpoint, method"; empty: none
  std::string_view help;    // a sentence without its full stop, a backslash or a line feed
};

inline constexpr auto kMetricList = std::to_array<MetricInfo>({
    {"accel_requests_in_flight", MetricType::kGauge, "", "Requests that have not ended"},
    // Requests, when they have ended. `model` is a model's name, however it was asked for; empty
    // where there is none, or none that is served.
    {"accel_requests_total", MetricType::kCounter, "endpoint, method, code, model",
     "Requests by the code of their answer; 499 is of clients that left before it"},
    {"accel_request_seconds", MetricType::kHistogram, "endpoint",
     "From the head of a request until its answer was handed over"},
    {"accel_request_bytes_total", MetricType::kCounter, "endpoint",
     "Bytes of the bodies of requests, decoded"},
    {"accel_response_bytes_total", MetricType::kCounter, "endpoint",
     "Bytes of the bodies of answers, as sent"},
    {"accel_refusals_total", MetricType::kCounter, "reason",
     "Requests that were turned away before their body was read"},

    // What they made models do.
    {"accel_items_total", MetricType::kCounter, "model, device, precision, backend",
     "Items answered: texts, images, sounds, or a set of tensors, by what ran the request's last"},
    {"accel_items_failed_total", MetricType::kCounter, "model", "Items that ended with an error"},
    {"accel_tokens_total", MetricType::kCounter, "model", "Tokens of the answered items' texts"},
    {"accel_padded_tokens_total", MetricType::kCounter, "model",
     "Tokens of padding that were computed beside them"},
    {"accel_fallbacks_total", MetricType::kCounter, "model",
     "Requests that something else answered than was asked for"},
    {"accel_stage_seconds", MetricType::kHistogram, "model, stage",
     "Where the time of a request's slowest item went: prepare, queue, infer, finish"},
    {"accel_batch_rows", MetricType::kHistogram, "model",
     "Rows of the batch in which an item ran, once for each item"},

    // What the service says of its models. Those of what a model did begin anew when it is loaded.
    {"accel_model_loaded", MetricType::kGauge, "model, version", "1 while the model is loaded"},
    {"accel_model_failed", MetricType::kGauge, "model, version",
     "1 when the last load of the model failed"},
    {"accel_model_memory_bytes", MetricType::kGauge, "model, version",
     "Memory that is counted for the model's weights"},
    {"accel_model_load_seconds", MetricType::kGauge, "model, version",
     "How long the last load took"},
    {"accel_model_loads_total", MetricType::kCounter, "model, version", "Loads of the model"},
    {"accel_model_evictions_total", MetricType::kCounter, "model, version",
     "Times that it was unloaded to make room, or unused"},
    {"accel_model_waiting_rows", MetricType::kGauge, "model, version",
     "Rows that wait for their run"},
    {"accel_model_items_total", MetricType::kCounter, "model, version, outcome",
     "Items of all callers: answered, failed, cancelled, late, refused"},
    {"accel_model_rows_total", MetricType::kCounter, "model, version, device",
     "Rows that the device ran"},
    {"accel_model_batches_total", MetricType::kCounter, "model, version, device",
     "Batches that the device ran"},
    {"accel_model_busy_seconds_total", MetricType::kCounter, "model, version, device",
     "Time that the device's instances of the model spent running"},
    {"accel_model_fallback_runs_total", MetricType::kCounter, "model, version",
     "Runs whose engine failed and that another place answered"},
    {"accel_model_hangs_total", MetricType::kCounter, "model, version",
     "Runs that were given up because they took too long"},
    {"accel_worker_starts_total", MetricType::kCounter, "model, version, device",
     "Starts of the model's worker processes, the first included"},
    {"accel_worker_crashes_total", MetricType::kCounter, "model, version, device",
     "Worker processes that ended by themselves"},
    {"accel_worker_hangs_total", MetricType::kCounter, "model, version, device",
     "Worker processes that were killed because a run took too long"},

    // Connections.
    {"accel_http_connections", MetricType::kGauge, "state",
     "Open connections: active with a request under way, idle between two"},
    {"accel_http_connections_accepted_total", MetricType::kCounter, "", "Connections accepted"},
    {"accel_http_connections_refused_total", MetricType::kCounter, "",
     "Connections closed because there were too many"},
    {"accel_http_requests_malformed_total", MetricType::kCounter, "",
     "Requests that were no HTTP, too large or too slow, and were answered so"},
    {"accel_http_timeouts_total", MetricType::kCounter, "",
     "Connections closed because the client was too slow"},
    {"accel_http_requests_abandoned_total", MetricType::kCounter, "",
     "Requests whose client left before the answer was written"},
    {"accel_http_received_bytes_total", MetricType::kCounter, "", "Bytes received, heads included"},
    {"accel_http_sent_bytes_total", MetricType::kCounter, "", "Bytes sent, heads included"},

    // Images and recordings that requests name instead of sending them.
    {"accel_inputs_total", MetricType::kCounter, "scheme, outcome",
     "Inputs by URL: taken, refused because nobody allowed it, failed; http is with https"},

    // What is lost of what this folder writes elsewhere.
    {"accel_log_lines_total", MetricType::kCounter, "outcome",
     "Lines of the request log: written, dropped because the disk was slow, failed"},
    {"accel_trace_spans_total", MetricType::kCounter, "outcome",
     "Spans of traces: exported, dropped because the collector was slow, failed"},

    {"accel_reloads_total", MetricType::kCounter, "outcome",
     "Times that the models' configuration was read again: taken, refused"},
    {"accel_tls_certificate_seconds_left", MetricType::kGauge, "",
     "Until the server's certificate expires; negative when it has"},

    // The process, under the names that all Prometheus clients use.
    {"process_resident_memory_bytes", MetricType::kGauge, "", "Resident memory"},
    {"process_cpu_seconds_total", MetricType::kCounter, "", "Processor time, user and system"},
    {"process_open_fds", MetricType::kGauge, "", "Open file descriptors"},
    {"process_max_fds", MetricType::kGauge, "", "How many file descriptors may be open"},
    {"process_start_time_seconds", MetricType::kGauge, "",
     "When the process started, in seconds since 1970"},
    {"accel_build_info", MetricType::kGauge, "version", "Always 1"},
});

// The metric of that name. One that is not listed does not compile.
consteval const MetricInfo& metric(std::string_view name) {
  for (const MetricInfo& one : kMetricList) {
    if (one.name == name) return one;
  }
  throw "kMetricList lacks it";
}

constexpr std::string_view to_string(MetricType type) {
  switch (type) {
    case MetricType::kCounter: return "counter";
    case MetricType::kGauge: return "gauge";
    case MetricType::kHistogram: return "histogram";
  }
  return "untyped";
}

}  // namespace accel::server
