// Sending a small body to one URL again and again, over libcurl (hub/curl_library.h).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "accel/status.h"
#include "base/stopwatch.h"

namespace accel::server {

struct PostTarget {
  std::string url;  // http:// or https://
  std::string content_type;
  std::string user_agent;
  std::string ca_file;  // of certificates to trust; empty: the system's
};

struct PostAnswer {
  int code = 0;
  std::string body;  // of a longer one, the first 64 KiB
};

// The connection stays open in between. Redirects are not followed. One owner, one thread.
class HttpPost {
 public:
  // INVALID_ARGUMENT for a URL that is none, UNAVAILABLE without libcurl.
  static Result<std::unique_ptr<HttpPost>> create(PostTarget target);
  ~HttpPost();
  HttpPost(const HttpPost&) = delete;
  HttpPost& operator=(const HttpPost&) = delete;

  // Waits for the answer, whatever its code. UNAVAILABLE when none came; DEADLINE_EXCEEDED behind
  // `deadline()`, which is asked every tenth of a second, for it may come nearer.
  Result<PostAnswer> send(std::string_view body,
                          const std::function<Clock::time_point()>& deadline);
  // "https://host:443" of the URL: for messages, since a URL may have a password.
  const std::string& origin() const;

 private:
  struct State;
  explicit HttpPost(std::unique_ptr<State> state);
  const std::unique_ptr<State> state_;
};

}  // namespace accel::server
