// RequestLog: a line for each request.
//
//   {"time":"2026-02-03T04:05:06.789Z","id":"5f2c...","peer":"127.0.0.1:40312","method":"POST",
//    "path":"/v1/embeddings","endpoint":"/v1/embeddings","model":"minilm","status":200,"ms":4.21,
//    ...}
//   time=2026-02-03T04:05:06.789Z id=5f2c... peer=127.0.0.1:40312 method=POST path=/v1/embeddings
//   ...
//
// A line has what is known and leaves out the rest. It has neither bodies nor keys, and of a URL
// not what stands behind "?". `error` is the message that the client was given, which may quote a
// word of its request. Words of clients are cut to 512 bytes, and cannot end a line or steer a
// terminal.
//
// An input that the server fetched, or did not, has a line of its own, with the `id` of its request
// and audit=true; of its URL not what stands behind "?".
//
// Lines about what only administrators may ask for, and about keys that were refused (401, 403),
// have audit=true.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "server/endpoint.h"
#include "server/inputs/input_resolver.h"
#include "server/request_record.h"

namespace accel::server {

enum class LogFormat : uint8_t {
  kText,  // NAME=VALUE; a value with other than plain characters is quoted as JSON's are
  kJson,  // an object
};

// Takes a line without its line feed. Safe from any thread; does not block: LogFile::sink().
using LineSink = std::function<void(std::string_view line)>;

struct RequestLogOptions {
  LogFormat format = LogFormat::kText;
  LineSink sink;
  double trace_ratio = 0;  // as the exporter of traces has it: a line names the trace that is kept
  // What time it is.
  std::function<std::chrono::system_clock::time_point()> clock = std::chrono::system_clock::now;
};

// Safe from any thread.
class RequestLog {
 public:
  // What `known` refers to outlives it.
  explicit RequestLog(RequestLogOptions options, std::span<const Endpoint> known = endpoints());

  void observe(const RequestRecord& record) const;
  void observe(const InputRecord& record) const;
  // That calls observe(); not after the end of this.
  RequestObserver observer() const;

 private:
  bool is_audit(const RequestRecord& record) const;

  const RequestLogOptions options_;
  std::set<std::pair<std::string_view, std::string_view>> admin_;  // by path and method
};

}  // namespace accel::server
