#include "server/endpoint.h"

#include <utility>

namespace accel::server {

const std::string kJsonType = "application/json";

std::string Formatter::broken_off(const Status&) { return {}; }

http::Response json_response(std::string body, int status) {
  return {.status = status, .headers = {{"content-type", kJsonType}}, .body = std::move(body)};
}

}  // namespace accel::server
