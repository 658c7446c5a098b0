// Calls to one server, from any thread: each waits for its answer, with a bound on how long, and is
// made again when the server asks for that.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "accel/status.h"
#include "client/server_url.h"
#include "hub/http_callers.h"

namespace accel::client {

struct ServerOptions {
  std::string url;               // client/server_url.h
  std::string key = {};          // sent as a bearer token, and shown nowhere; empty: none
  std::string ca_file = {};      // of certificates to trust; empty: the system's
  double timeout_seconds = 300;  // of one call, with all that is tried again
  // Looked at every tenth of a second, from any thread: true ends calls with CANCELLED. Empty:
  // never.
  std::function<bool()> stopped = {};
};

struct ServerCall {
  std::string path;                  // "/v2/models/bert/infer"
  std::vector<std::string> headers;  // "Content-Type: application/json"
  std::optional<std::string> body;   // POST; without one GET
};

class ServerClient {
 public:
  // INVALID_ARGUMENT for a URL or key that cannot be one, UNAVAILABLE without libcurl. Asks nothing
  // of the server yet.
  static Result<std::shared_ptr<ServerClient>> create(const ServerOptions& options);

  // The answer, whose code is 200; else the server's error (client/server_answer.h), UNAVAILABLE
  // where none answers, DEADLINE_EXCEEDED, or CANCELLED soon after `cancelled` is set. 429 and 503
  // are asked again, when and as often as hub/retry.h says; what is asked here may be asked twice.
  Result<hub::HttpAnswer> call(const ServerCall& call, const std::atomic<bool>& cancelled);

  const std::string& name() const { return url_.shown; }

 private:
  ServerClient(ServerOptions options, ServerUrl url, std::unique_ptr<hub::HttpCallers> callers)
      : options_(std::move(options)), url_(std::move(url)), callers_(std::move(callers)) {}
  Result<hub::HttpAnswer> call_once(const hub::HttpCall& call,
                                    const std::function<Status()>& go_on);

  const ServerOptions options_;
  const ServerUrl url_;
  const std::unique_ptr<hub::HttpCallers> callers_;
};

}  // namespace accel::client
