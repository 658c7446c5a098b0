// GET /metrics: what the server counts, as Prometheus reads it.
#include "server/endpoints.h"
#include "server/server.h"

namespace accel::server {
namespace {

Result<http::Response> tell_metrics(const Asked&, const ServerState& state) {
  return http::Response{.headers = {{"content-type", "text/plain; version=0.0.4; charset=utf-8"}},
                        .body = state.metrics()};
}

}  // namespace

Endpoint metrics_endpoint() {
  return {.method = "GET",
          .path = "/metrics",
          .scope = Scope::kMetrics,
          .summary = "What the server counts, in the text format of Prometheus",
          .operation = R"({"responses": {"200": {"description": "Counters, gauges, histograms.",
              "content": {"text/plain": {"schema": {"type": "string"}}}}}})",
          .answer = tell_metrics};
}

}  // namespace accel::server
