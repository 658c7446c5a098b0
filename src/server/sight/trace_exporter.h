// TraceExporter: sends the spans of sampled requests to a collector, by OTLP/HTTP with JSON.
//
//   ACCEL_ASSIGN(auto traces, TraceExporter::create({.url = "http://localhost:4318"}));
//   ServerParts{..., .observers = {traces->observer()}};
//
// Spans have no bodies and no keys, so plain http:// is taken to any host.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "accel/status.h"
#include "base/stopwatch.h"
#include "hub/http_caller.h"
#include "server/request_record.h"
#include "server/sight/loss_counts.h"
#include "server/sight/loss_notice.h"
#include "server/sight/otlp.h"

namespace accel::server {

struct TraceExporterOptions {
  // http:// or https://. Without a path, OTLP's own: /v1/traces.
  std::string url;
  double ratio = 1;  // of requests without a traceparent of their own; from 0 to 1
  SpanSource source;
  double flush_seconds = 5;   // until spans are sent at the latest
  size_t batch_spans = 512;   // sent at once
  size_t queue_spans = 8192;  // that may wait; more are dropped
  // Tries of a batch that a collector may take later, each after twice as long as the one before.
  int tries = 4;
  double retry_seconds = 1;
  std::string ca_file;  // of certificates to trust; empty: the system's
  Say say = {};         // told of spans that are lost (loss_notice.h); from any thread
};

// Safe from any thread.
class TraceExporter {
 public:
  // INVALID_ARGUMENT for a URL that is none and a ratio beyond its range; UNAVAILABLE without
  // libcurl. The collector need not be there yet.
  static Result<std::unique_ptr<TraceExporter>> create(TraceExporterOptions options);
  // Sends what waits, for a few seconds at most.
  ~TraceExporter();
  TraceExporter(const TraceExporter&) = delete;
  TraceExporter& operator=(const TraceExporter&) = delete;

  // Does not wait for the collector.
  void observe(const RequestRecord& record);
  // That calls observe(); not after the end of this.
  RequestObserver observer();
  SpanCounts counts() const;

 private:
  struct Spans {
    std::string text;
    size_t count = 0;
  };

  TraceExporter(TraceExporterOptions options, std::unique_ptr<hub::HttpCaller> caller);
  void run();
  Spans take_batch();
  void send(const Spans& batch);
  // Waits before the next try; false when there is no time for one.
  bool wait_to_retry(int tried);
  Clock::time_point deadline(Clock::time_point otherwise) const;
  void lose(size_t count, uint64_t SpanCounts::*as, const std::string& sentence);

  const TraceExporterOptions options_;
  LossNotice notice_;

  mutable std::mutex mutex_;
  // Guarded by mutex_:
  std::deque<Spans> waiting_;  // of a request each
  size_t waiting_spans_ = 0;
  SpanCounts counts_;
  bool ending_ = false;
  Clock::time_point end_;  // nothing is sent behind it; once ending_
  std::condition_variable there_;

  const std::unique_ptr<hub::HttpCaller> caller_;  // of the thread alone
  std::thread thread_;                             // begins last
};

}  // namespace accel::server
