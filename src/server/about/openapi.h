// The OpenAPI file of a list of endpoints. Pure.
#pragma once

#include <span>
#include <string>

#include "server/endpoint.h"

namespace accel::server {

// OpenAPI 3.1, as JSON: each endpoint's own operation, with what all have in common: the names of
// the path, headers that any request may have, errors in the endpoint's shape, and the key.
std::string openapi_of(std::span<const Endpoint> endpoints);

}  // namespace accel::server
