#include "server/sight/request_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <iterator>

#include "base/json.h"
#include "server/json/json_writer.h"
#include "server/sight/clipped.h"
#include "server/sight/trace_context.h"

namespace accel::server {
namespace {

using WallTime = std::chrono::system_clock::time_point;

// RFC 3339, in UTC.
std::string rfc3339(WallTime time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(time - seconds).count();
  const std::time_t whole = std::chrono::system_clock::to_time_t(seconds);
  std::tm parts{};
  ::gmtime_r(&whole, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", parts.tm_year + 1900,
                     parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                     ms);
}

double rounded_ms(double ms) { return std::round(ms * 1000) / 1000; }

class JsonLine {
 public:
  explicit JsonLine(std::string& out) : json_(out) {}
  template <class Body>
  void all(Body&& body) {
    json_.object(body);
  }
  template <class T>
  void field(std::string_view name, const T& value) {
    json_.member(name, value);
  }

 private:
  JsonWriter json_;
};

class TextLine {
 public:
  explicit TextLine(std::string& out) : out_(out) {}
  template <class Body>
  void all(Body&& body) {
    body();
  }
  void field(std::string_view name, std::string_view value) {
    begin(name);
    // Escapes of terminals are beyond ASCII, too.
    if (is_plain(value)) out_ += value;
    else out_ += Json(value).dump(-1, ' ', /*ensure_ascii=*/true, Json::error_handler_t::replace);
  }
  template <class T>
    requires std::is_arithmetic_v<T>
  void field(std::string_view name, T value) {
    begin(name);
    fmt::format_to(std::back_inserter(out_), "{}", value);
  }

 private:
  static bool is_plain(std::string_view value) {
    return !value.empty() && std::ranges::all_of(value, [](char c) {
      return c > ' ' && c < 0x7f && c != '"' && c != '\\' && c != '=';
    });
  }
  void begin(std::string_view name) {
    if (!out_.empty()) out_ += ' ';
    out_ += name;
    out_ += '=';
  }

  std::string& out_;
};

// A field that is left out where nothing is known.
template <class Line>
void known_text(Line& line, std::string_view name, std::string_view value) {
  if (!value.empty()) line.field(name, clipped(value));
}

template <class Line>
void write_who(const RequestRecord& record, const TraceIds& ids, Line& line) {
  known_text(line, "id", record.id);
  if (ids.sampled || !ids.parent_id.empty()) line.field("trace_id", std::string_view(ids.trace_id));
  known_text(line, "visitor", record.visitor);
  known_text(line, "peer", record.peer);
  known_text(line, "method", record.method);
  known_text(line, "path", record.path);
  known_text(line, "endpoint", record.endpoint);
  known_text(line, "model", record.model);
}

template <class Line>
void write_outcome(const RequestRecord& record, Line& line) {
  line.field("status", record.status);
  known_text(line, "refused", record.refused);
  known_text(line, "error", record.error);
  line.field(
      "ms",
      rounded_ms(std::chrono::duration<double, std::milli>(record.ended - record.arrived).count()));
  line.field("bytes_in", record.bytes_in);
  line.field("bytes_out", record.bytes_out);
  if (record.items > 0) {
    line.field("queue_ms", rounded_ms(record.longest.queue));
    line.field("infer_ms", rounded_ms(record.longest.infer));
    line.field("items", record.items);
    if (record.failed_items > 0) line.field("failed_items", record.failed_items);
    line.field("tokens", record.tokens);
  }
  if (record.report == nullptr) return;
  known_text(line, "device", record.report->device);
  known_text(line, "precision", to_string(record.report->precision));
  if (record.report->fallback) {
    const std::string& reason = record.report->fallback_reason;
    known_text(line, "fallback", reason.empty() ? std::string_view("yes") : reason);
  }
}

template <class Line>
std::string line_of(const RequestRecord& record, const TraceIds& ids, WallTime time, bool audit) {
  std::string out;
  Line line(out);
  line.all([&] {
    line.field("time", std::string_view(rfc3339(time)));
    write_who(record, ids, line);
    write_outcome(record, line);
    if (audit) line.field("audit", true);
  });
  return out;
}

template <class Line>
std::string line_of(const InputRecord& record, WallTime time) {
  std::string out;
  Line line(out);
  line.all([&] {
    line.field("time", std::string_view(rfc3339(time)));
    known_text(line, "id", record.asker.request_id);
    known_text(line, "visitor", record.asker.visitor);
    known_text(line, "input", record.url);
    line.field("status", record.status);
    known_text(line, "error", record.error);
    line.field("ms", rounded_ms(record.ms));
    line.field("bytes_in", record.bytes);
    line.field("audit", true);
  });
  return out;
}

}  // namespace

RequestLog::RequestLog(RequestLogOptions options, std::span<const Endpoint> known)
    : options_(std::move(options)) {
  for (const Endpoint& one : known) {
    if (one.scope == Scope::kAdmin) admin_.emplace(one.path, one.method);
  }
}

bool RequestLog::is_audit(const RequestRecord& record) const {
  if (record.status == 401 || record.status == 403) return true;
  const std::string_view method = record.method == "HEAD" ? "GET" : std::string_view(record.method);
  return admin_.contains({record.endpoint, method});
}

void RequestLog::observe(const RequestRecord& record) const {
  const TraceIds ids = trace_ids_of(record, options_.trace_ratio);
  const WallTime time = options_.clock();
  const bool audit = is_audit(record);
  options_.sink(options_.format == LogFormat::kJson ? line_of<JsonLine>(record, ids, time, audit)
                                                    : line_of<TextLine>(record, ids, time, audit));
}

void RequestLog::observe(const InputRecord& record) const {
  const WallTime time = options_.clock();
  options_.sink(options_.format == LogFormat::kJson ? line_of<JsonLine>(record, time)
                                                    : line_of<TextLine>(record, time));
}

RequestObserver RequestLog::observer() const {
  return [this](const RequestRecord& record) { observe(record); };
}

}  // namespace accel::server
