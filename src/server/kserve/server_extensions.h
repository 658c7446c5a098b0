// Which extensions of the protocol the server has, as both of its doors tell them.
#pragma once

#include <string>
#include <vector>

namespace accel::server {

class ServerState;

namespace kserve {

// The names that Triton gives them, by the endpoints that this server has.
std::vector<std::string> server_extensions(const ServerState& state);

}  // namespace kserve

}  // namespace accel::server
