// HTTP GET over libcurl, several at a time in one thread.
//
// Redirects are followed here and not by libcurl: a token goes to the host that it was given for,
// and to no other host, port or scheme, whatever version of libcurl is there. Proxies are those of
// the environment (http_proxy, https_proxy, no_proxy), certificates those of the system unless
// others are given.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accel/status.h"

namespace accel::hub {

struct HttpRequest {
  std::string url;     // http:// or https://
  std::string token;   // as "Authorization: Bearer", for the URL's own origin only; empty: none
  uint64_t begin = 0;  // "Range: bytes=BEGIN-", when above 0
};

// What came before the body of the last answer of a chain of redirects.
struct HttpHead {
  int code = 0;                            // 200, 404 ...; 0: no answer came
  std::optional<uint64_t> content_length;  // of the body
  std::string content_range;               // "bytes 5-9/10"
  std::string retry_after;
  std::string error;   // X-Error-Message, else the body's first bytes, when the code is no success
  std::string reason;  // X-Error-Code: "GatedRepo", "RepoNotFound" ...
};

// Takes the body of a successful answer (200 or 206). Called within HttpClient::step(). A status
// that is not ok ends the transfer and becomes its outcome.
class HttpSink {
 public:
  virtual ~HttpSink() = default;
  virtual Status head(const HttpHead& head) = 0;  // once, before the body
  virtual Status body(std::string_view bytes) = 0;
};

struct HttpOutcome {
  uint64_t id = 0;
  HttpHead head;
  // What went wrong below HTTP, or what the sink said. UNAVAILABLE for a network that fails in a
  // way that may pass; ok with any code.
  Status status;
  bool may_pass = false;  // asking again can help: the network, 408, 429 or 5xx

  bool ok() const { return status.ok() && (head.code == 200 || head.code == 206); }
};

struct HttpOptions {
  std::string user_agent;
  std::string ca_file;  // of certificates to trust; empty: the system's
  std::chrono::seconds connect_max{10};
  std::chrono::seconds stall_max{30};  // without a byte
};

// One owner, one thread.
class HttpClient {
 public:
  // UNAVAILABLE without libcurl.
  static Result<std::unique_ptr<HttpClient>> create(const HttpOptions& options);
  ~HttpClient();  // ends what still runs
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // Begins a transfer; its number. `sink` lives until its outcome came.
  uint64_t start(const HttpRequest& request, HttpSink& sink);
  // Moves bytes for at most `wait`, sooner when something ended or `stop_fd` (-1: none) became
  // readable.
  Result<std::vector<HttpOutcome>> step(std::chrono::milliseconds wait, int stop_fd);
  // Ends what runs; its sinks are called no more, and no outcome comes.
  void stop_all();

 private:
  struct State;
  explicit HttpClient(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// "libcurl/7.88.1 OpenSSL/3.0.20 ...", or why there is none.
Result<std::string> curl_version();

// "https://host:443" of a URL, by libcurl's own reading; INVALID_ARGUMENT for what it cannot read
// and for other schemes than http and https.
Result<std::string> origin_of(const std::string& url);

}  // namespace accel::hub
