#include "server/sight/trace_exporter.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "accel/engine.h"
#include "base/try.h"
#include "hub/http.h"
#include "server/sight/own_thread.h"

namespace accel::server {
namespace {

constexpr std::chrono::seconds kAnswerMax{10};
constexpr std::chrono::seconds kLastMax{3};  // for what waits at the end
constexpr std::string_view kTracesPath = "/v1/traces";
constexpr const char* kTracesType = "Content-Type: application/json";

Clock::duration clock_seconds(double seconds) {
  return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

std::string with_path(const std::string& url) {
  const size_t host = url.find("://");
  if (host == std::string::npos) return url;
  const size_t path = url.find_first_of("/?#", host + 3);
  if (path == std::string::npos) return url + std::string(kTracesPath);
  if (path + 1 == url.size() && url[path] == '/') {
    return url.substr(0, path) + std::string(kTracesPath);
  }
  return url;
}

// As OTLP says.
bool may_be_taken_later(int code) {
  return code == 429 || code == 502 || code == 503 || code == 504;
}

}  // namespace

Result<std::unique_ptr<TraceExporter>> TraceExporter::create(TraceExporterOptions options) {
  if (!(options.ratio >= 0 && options.ratio <= 1)) {
    return invalid_argument(
        fmt::format("expected a ratio of traces from 0 to 1, found {}", options.ratio));
  }
  constexpr std::string_view kWhat = "the collector of traces";
  ACCEL_TRY(hub::origin_of(options.url).status().with_context(kWhat));
  options.url = with_path(options.url);
  Result<std::unique_ptr<hub::HttpCaller>> caller = hub::HttpCaller::create(
      {.user_agent = fmt::format("accel/{}", version()), .ca_file = options.ca_file});
  if (!caller.ok()) return caller.status().with_context(kWhat);
  return std::unique_ptr<TraceExporter>(new TraceExporter(std::move(options), std::move(*caller)));
}

TraceExporter::TraceExporter(TraceExporterOptions options, std::unique_ptr<hub::HttpCaller> caller)
    : options_(std::move(options)),
      notice_(options_.say),
      caller_(std::move(caller)),
      thread_([this] { run(); }) {}

TraceExporter::~TraceExporter() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    end_ = Clock::now() + kLastMax;
  }
  there_.notify_all();
  thread_.join();
}

void TraceExporter::observe(const RequestRecord& record) {
  const TraceIds ids = trace_ids_of(record, options_.ratio);
  if (!ids.sampled) return;
  Spans spans;
  spans.count = append_spans(record, ids, {}, options_.source, spans.text);
  {
    const std::lock_guard lock(mutex_);
    if (waiting_spans_ + spans.count <= options_.queue_spans) {
      waiting_spans_ += spans.count;
      waiting_.push_back(std::move(spans));
      if (waiting_spans_ >= options_.batch_spans) there_.notify_all();
      return;
    }
  }
  lose(spans.count, &SpanCounts::dropped, "spans of traces come faster than they are taken");
}

RequestObserver TraceExporter::observer() {
  return [this](const RequestRecord& record) { observe(record); };
}

SpanCounts TraceExporter::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

void TraceExporter::lose(size_t count, uint64_t SpanCounts::*as, const std::string& sentence) {
  {
    const std::lock_guard lock(mutex_);
    counts_.*as += count;
  }
  notice_.lost(sentence);
}

void TraceExporter::run() {
  begin_own_thread("traces");
  while (true) {
    {
      std::unique_lock lock(mutex_);
      there_.wait_for(lock, clock_seconds(options_.flush_seconds),
                      [&] { return ending_ || waiting_spans_ >= options_.batch_spans; });
      if (waiting_.empty() && ending_) return;
    }
    const Spans batch = take_batch();
    if (batch.count > 0) send(batch);
  }
}

TraceExporter::Spans TraceExporter::take_batch() {
  Spans batch;
  const std::lock_guard lock(mutex_);
  while (!waiting_.empty() && batch.count < options_.batch_spans) {
    if (!batch.text.empty()) batch.text += ',';
    batch.text += waiting_.front().text;
    batch.count += waiting_.front().count;
    waiting_spans_ -= waiting_.front().count;
    waiting_.pop_front();
  }
  return batch;
}

Clock::time_point TraceExporter::deadline(Clock::time_point otherwise) const {
  const std::lock_guard lock(mutex_);
  return ending_ ? std::min(end_, otherwise) : otherwise;
}

bool TraceExporter::wait_to_retry(int tried) {
  if (tried >= options_.tries) return false;
  const Clock::time_point until =
      Clock::now() + clock_seconds(options_.retry_seconds * std::ldexp(1, tried - 1));
  std::unique_lock lock(mutex_);
  there_.wait_until(lock, until, [&] { return ending_; });
  return !ending_ || Clock::now() < end_;
}

void TraceExporter::send(const Spans& batch) {
  const std::string body = export_body(options_.source, batch.text);
  std::string why;
  for (int tried = 1;; ++tried) {
    const Clock::time_point latest = Clock::now() + kAnswerMax;
    const Result<hub::HttpAnswer> answer =
        caller_->call({.url = options_.url, .headers = {kTracesType}, .body = body}, [&] {
          const bool late = Clock::now() >= deadline(latest);
          return late ? deadline_exceeded("expected an answer in time, found none") : Status();
        });
    if (answer.ok() && answer->code / 100 == 2) {
      const uint64_t rejected = std::min<uint64_t>(rejected_spans(answer->body), batch.count);
      const std::lock_guard lock(mutex_);
      counts_.exported += batch.count - rejected;
      counts_.failed += rejected;
      return notice_.worked();
    }
    why = answer.ok() ? fmt::format("{}: HTTP {}", *hub::origin_of(options_.url), answer->code)
                      : answer.status().message();
    const bool later = !answer.ok() || may_be_taken_later(answer->code);
    if (!later || !wait_to_retry(tried)) break;
  }
  lose(batch.count, &SpanCounts::failed, "spans of traces are lost: " + why);
}

}  // namespace accel::server
