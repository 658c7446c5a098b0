#include "cli/pulling.h"

#include <fmt/format.h>

#include "accel/engine.h"
#include "base/try.h"
#include "hub/settings.h"

namespace accel::cli {

Result<hub::PullOptions> hub_options(const std::string& endpoint) {
  if (hub::offline()) {
    return failed_precondition(
        "HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE forbids to download: unset it to pull");
  }
  hub::PullOptions options;
  ACCEL_ASSIGN(options.endpoint, hub::endpoint(endpoint));
  ACCEL_ASSIGN(options.token, hub::token());
  options.cache = hub::user_places().cache;
  options.http = {.user_agent = fmt::format("accel/{}", version()), .ca_file = hub::ca_file()};
  return options;
}

}  // namespace accel::cli
