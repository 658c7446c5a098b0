// The methods that are answered over gRPC: endpoints whose path is "/package.Service/Method", whose
// requests and answers are messages of protobuf, and whose errors have the shape kGrpc. A new one
// is its function, a line in methods.cc, and its place in a .proto file here.
#pragma once

#include <span>

#include "server/endpoint.h"

namespace accel::server {

Endpoint grpc_health_method();
Endpoint grpc_reflection_method(std::string_view path);
Endpoint kserve_server_live_method();
Endpoint kserve_server_ready_method();
Endpoint kserve_server_metadata_method();
Endpoint kserve_model_ready_method();
Endpoint kserve_model_metadata_method();
Endpoint kserve_model_config_method();
Endpoint kserve_model_statistics_method();
Endpoint kserve_model_infer_method();
Endpoint kserve_model_stream_infer_method();
Endpoint kserve_repository_index_method();
Endpoint kserve_repository_load_method();
Endpoint kserve_repository_unload_method();

namespace grpc {

// By path.
std::span<const Endpoint> methods();

}  // namespace grpc

}  // namespace accel::server
