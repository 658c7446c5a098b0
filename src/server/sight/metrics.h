// Metrics: what a server counts, for Prometheus. metric_list.h has all of them.
//
//   Metrics metrics(service);
//   Server server({}, {.service = service, .gate = gate, .observers = {metrics.observer()},
//                      .metrics = [&metrics] { return metrics.text(); }});
//   metrics.watch({.http = [&http] { return http.counts(); }});
//
// However many names clients make up, the number of series is bounded: labels are endpoints,
// models that the service describes, and words of a fixed set.
//
// The registry is our own. Debian's prometheus-cpp takes 0.9 us for each counter that is found by
// its labels, of which a request has ten, and lists series in no order.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "server/http/http_server.h"
#include "server/inputs/input_resolver.h"
#include "server/request_record.h"
#include "server/sight/loss_counts.h"
#include "service/inference_service.h"

namespace accel::server {

// What else is shown, asked for at each text(). Each is safe from any thread; empty: not shown.
struct MetricSources {
  std::function<http::HttpCounts()> http = {};
  std::function<uint64_t()> in_flight = {};  // Server::in_flight()
  std::function<LogCounts()> log = {};       // LogFile::counts()
  std::function<SpanCounts()> traces = {};   // TraceExporter::counts()
  std::function<ReloadCounts()> reloads = {};
  std::function<double()> certificate_seconds = {};  // TlsSource::seconds_left()
  std::function<InputCountsByScheme()> inputs = {};  // InputResolver::counts()
};

// Safe from any thread.
class Metrics {
 public:
  // `service` outlives it, and answers Describe without facts at once. Its models are known from
  // here on, those that it gets later from the next text() on.
  explicit Metrics(service::InferenceService& service);
  ~Metrics();

  void observe(const RequestRecord& record);
  // That calls observe(); not after the end of this.
  RequestObserver observer();
  // In place of those before.
  void watch(MetricSources sources);

  // In the text format of Prometheus, version 0.0.4; series in a fixed order.
  std::string text() const;

 private:
  struct State;
  const std::unique_ptr<State> state_;
};

}  // namespace accel::server
