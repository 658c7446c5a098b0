// What is known of a request when it has ended: from this come metrics, the log and traces.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "accel/run_report.h"
#include "accel/submission.h"
#include "base/stopwatch.h"

namespace accel::server {

struct RequestRecord {
  std::string id;            // of the request: the client's, or one that the server made
  std::string trace_parent;  // W3C's header, where the client sent one
  std::string method;
  std::string path;           // as asked for
  std::string_view endpoint;  // its pattern; empty: none has the path
  std::string peer;
  std::string visitor;       // Visitor::name
  std::string model;         // as asked for; empty: none
  int status = 0;            // of HTTP; 499 when the client left before its answer
  std::string_view refused;  // Refusal::reason; empty: it was let in
  std::string error;         // the status's message; empty: none

  Clock::time_point arrived;       // its head was read
  Clock::time_point begun;         // its body was read, too
  Clock::time_point handed_in;     // it was parsed and handed to the service
  Clock::time_point first_answer;  // the first event came
  Clock::time_point ended;

  uint64_t bytes_in = 0;
  uint64_t bytes_out = 0;  // of the body
  uint64_t items = 0;
  uint64_t failed_items = 0;
  uint64_t tokens = 0;         // of the items' own texts
  uint64_t padded_tokens = 0;  // computed beside them
  // Of all items, in milliseconds: the longest, and the sum.
  ItemTimes longest;
  ItemTimes sum;
  std::vector<int64_t> batch_rows;          // of the batch in which each item ran
  std::shared_ptr<const RunReport> report;  // of the last item; null: nothing ran
};

// Called once for each request, from a thread of the server. Must not block.
using RequestObserver = std::function<void(const RequestRecord& record)>;

}  // namespace accel::server
