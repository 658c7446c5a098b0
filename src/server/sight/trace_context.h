// Which trace a request belongs to: W3C Trace Context, https://www.w3.org/TR/trace-context/. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "server/request_record.h"

namespace accel::server {

// What the header "traceparent" says. Ids are lower-case hexadecimal digits, not all 0.
struct TraceParent {
  std::string trace_id;  // 32 digits
  std::string span_id;   // 16 digits, of the caller's span
  bool sampled = false;
};

// Nothing for a text that the specification says to ignore. Of versions to come, what version 00
// has is read.
std::optional<TraceParent> parse_trace_parent(std::string_view text);

struct TraceIds {
  std::string trace_id;
  std::string span_id;    // of the request
  std::string parent_id;  // of the caller's span; empty: the trace begins here
  bool sampled = false;
};

// The caller's trace, sampled if the caller says so; else one of the request's own, of which
// `ratio`, from 0 to 1, are sampled, by the id alone: the rightmost 56 bits decide, as
// OpenTelemetry has it. The same each time it is asked for, so that the log and the spans name the
// same trace.
TraceIds trace_ids_of(const RequestRecord& record, double ratio);

// The id of a span within the request's.
std::string child_span_id(const TraceIds& ids, std::string_view name);

}  // namespace accel::server
