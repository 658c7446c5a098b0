// HttpCallers: HttpCaller for many threads, one for each call at a time, which keep their
// connections open for the next.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "hub/http_caller.h"

namespace accel::hub {

// Safe from any thread.
class HttpCallers {
 public:
  // UNAVAILABLE without libcurl.
  static Result<std::unique_ptr<HttpCallers>> create(HttpCallerOptions options);

  // As HttpCaller::call().
  Result<HttpAnswer> call(const HttpCall& call, const std::function<Status()>& go_on);

 private:
  explicit HttpCallers(HttpCallerOptions options) : options_(std::move(options)) {}
  Result<std::unique_ptr<HttpCaller>> idle_caller();

  const HttpCallerOptions options_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<HttpCaller>> idle_;  // guarded by mutex_
};

}  // namespace accel::hub
