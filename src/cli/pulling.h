// How this program speaks to hubs, in accel pull and accel serve.
#pragma once

#include <string>

#include "accel/status.h"
#include "hub/download.h"

namespace accel::cli {

// As the environment says, from the hub `endpoint` or, where that is empty, its own. Without a
// name. FAILED_PRECONDITION where the environment forbids to download.
Result<hub::PullOptions> hub_options(const std::string& endpoint);

}  // namespace accel::cli
