// Which endpoint a request means. Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/endpoint.h"

namespace accel::server {

struct Route {
  const Endpoint* endpoint = nullptr;  // null: none has the path, or none the method
  std::vector<std::string> captured;
  // Of a path that is there: what may be done with it, "GET, HEAD, POST"; empty: no such path.
  std::string allowed;
};

// A fixed segment goes before a {name}, which stands for one segment that is not empty. A trailing
// slash makes no difference. HEAD is answered by the endpoint of GET.
Route route(std::span<const Endpoint> endpoints, std::string_view method, std::string_view path);

}  // namespace accel::server
