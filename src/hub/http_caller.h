// One call after another to a server, over libcurl (hub/curl_library.h): a request is sent whole,
// and its answer, whatever its code, is waited for.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "accel/status.h"

namespace accel::hub {

struct HttpCallerOptions {
  std::string user_agent;
  std::string ca_file;      // of certificates to trust; empty: the system's
  std::string unix_socket;  // a socket file to connect to, wherever URLs point; empty: none
  uint64_t answer_bytes_max = 64 << 10;
  bool proxies = true;  // those of the environment; false: none
};

struct HttpCall {
  std::string url;                       // http:// or https://
  std::vector<std::string> headers;      // "Content-Type: application/json"
  std::optional<std::string_view> body;  // POST; without one GET
  // Asked of each address before it is connected to; empty: every one may be. It must say the same
  // in all calls to one host and port, whose connections stay open.
  std::function<bool(const sockaddr& address)> may_connect = {};
};

struct HttpAnswer {
  int code = 0;
  std::vector<std::pair<std::string, std::string>> headers;  // names in small letters
  std::string body;
  // The body was longer than answer_bytes_max; this is its beginning, and the rest was not read.
  bool cut = false;

  std::string_view header(std::string_view name) const;  // empty: there is none
};

// Connections stay open in between. Redirects are not followed. One owner, one thread.
class HttpCaller {
 public:
  // UNAVAILABLE without libcurl.
  static Result<std::unique_ptr<HttpCaller>> create(const HttpCallerOptions& options);
  ~HttpCaller();
  HttpCaller(const HttpCaller&) = delete;
  HttpCaller& operator=(const HttpCaller&) = delete;

  // UNAVAILABLE when no answer came, PERMISSION_DENIED when no address may be connected to,
  // INVALID_ARGUMENT for a URL that is none; or the error of `go_on`, which is asked every tenth of
  // a second.
  Result<HttpAnswer> call(const HttpCall& call, const std::function<Status()>& go_on);

 private:
  struct State;
  explicit HttpCaller(std::unique_ptr<State> state);
  const std::unique_ptr<State> state_;
};

}  // namespace accel::hub
