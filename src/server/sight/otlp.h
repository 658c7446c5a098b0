// Requests as spans of OpenTelemetry, in the JSON of OTLP/HTTP
// (https://opentelemetry.io/docs/specs/otlp/, opentelemetry-proto 1.x). Pure.
//
// A request is one span of the kind SERVER with the attributes of the semantic conventions for
// HTTP. What a model did for its slowest item are four spans within: prepare, queue, infer, finish;
// infer has the rows of the greatest batch in which an item of the request ran.
// What goes before prepare is reading and parsing the request, and loading the model.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "server/request_record.h"
#include "server/sight/trace_context.h"

namespace accel::server {

// The same moment on two clocks: what a record's times are on the wall's.
struct ClockPair {
  Clock::time_point steady = Clock::now();
  std::chrono::system_clock::time_point wall = std::chrono::system_clock::now();
};

// Who sends the spans. Empty, or 0: left out.
struct SpanSource {
  std::string service_name = "accel";
  std::string service_version;
  std::string instance;  // tells servers of one name apart
  std::string server_address;
  uint16_t server_port = 0;
};

// The spans of one request appended to `spans`, with commas between and before them where
// something is there. How many they are.
size_t append_spans(const RequestRecord& record, const TraceIds& ids, const ClockPair& clocks,
                    const SpanSource& source, std::string& spans);

// The body of an export: an ExportTraceServiceRequest of what append_spans() wrote.
std::string export_body(const SpanSource& source, std::string_view spans);

// How many of the spans that were sent a collector did not take, as its answer says; 0 of an answer
// that is none.
uint64_t rejected_spans(std::string_view answer);

}  // namespace accel::server
