// Where a server is, as users write it. Pure.
#pragma once

#include <string>
#include <string_view>

#include "accel/status.h"

namespace accel::client {

struct ServerUrl {
  std::string shown;        // as it was given, without a slash at its end
  std::string base;         // paths are put behind it: "http://host:8000", "https://host/models"
  std::string unix_socket;  // the file of a socket; empty: none
};

// Of "http://host:8000", "https://host/behind/a/proxy" or "unix:/path/of/socket". INVALID_ARGUMENT
// for anything else, for a user's name, a query and blanks.
Result<ServerUrl> parse_server_url(std::string_view text);

}  // namespace accel::client
