// GET of an input over http or https; input_resolver.h says what it does not do.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "accel/status.h"
#include "hub/http_callers.h"
#include "server/inputs/host_rules.h"
#include "server/inputs/input_url.h"

namespace accel::server {

// Safe from any thread.
class InputFetcher {
 public:
  // UNAVAILABLE without libcurl.
  static Result<std::unique_ptr<InputFetcher>> create(const HostRules& hosts, std::string ca_file,
                                                      uint64_t bytes_max);

  // Waits. PERMISSION_DENIED for an address that is not allowed, RESOURCE_EXHAUSTED for more than
  // `bytes_max`, FAILED_PRECONDITION for every other answer than 200, UNAVAILABLE for none; or the
  // error of `go_on`, which is asked every tenth of a second.
  Result<std::string> fetch(const HttpUrl& url, uint64_t bytes_max,
                            const std::function<Status()>& go_on);

 private:
  InputFetcher(const HostRules& hosts, std::unique_ptr<hub::HttpCallers> callers)
      : hosts_(hosts), callers_(std::move(callers)) {}

  const HostRules& hosts_;
  const std::unique_ptr<hub::HttpCallers> callers_;
};

}  // namespace accel::server
