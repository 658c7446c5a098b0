// The key that a request shows. Pure.
#pragma once

#include <string_view>

#include "accel/status.h"
#include "server/http/message.h"

namespace accel::server {

// Of "Authorization: Bearer KEY", else of "X-API-Key: KEY", else of "api-key: KEY"; empty: none is
// shown. Never of the query, which stands in logs. UNAUTHENTICATED for credentials of another kind
// (Basic), and for texts that are too long or hold other than printable ASCII.
Result<std::string_view> shown_key(const http::Headers& headers);

}  // namespace accel::server
