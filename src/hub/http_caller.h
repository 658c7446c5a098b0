// One call after another to a server, over libcurl (hub/curl_library.h): a request is sent whole,
// and its answer, whatever its code, is waited for.
#pragma once

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
};

struct HttpCall {
  std::string url;                       // http:// or https://
  std::vector<std::string> headers;      // "Content-Type: application/json"
  std::optional<std::string_view> body;  // POST; without one GET
};

struct HttpAnswer {
  int code = 0;
  std::vector<std::pair<std::string, std::string>> headers;  // names in small letters
  std::string body;
  bool cut = false;  // the body was longer than answer_bytes_max; this is its beginning

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

  // UNAVAILABLE when no answer came, INVALID_ARGUMENT for a URL that is none; or the error of
  // `go_on`, which is asked every tenth of a second.
  Result<HttpAnswer> call(const HttpCall& call, const std::function<Status()>& go_on);

 private:
  struct State;
  explicit HttpCaller(std::unique_ptr<State> state);
  const std::unique_ptr<State> state_;
};

}  // namespace accel::hub
