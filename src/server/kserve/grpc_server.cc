// ServerLive, ServerReady and ServerMetadata.
#include "accel/engine.h"
#include "base/protobuf.h"
#include "server/grpc/methods.h"
#include "server/kserve/server_extensions.h"
#include "server/server.h"

namespace accel::server {
namespace kserve {
namespace {

http::Response flag_message(bool value) {
  WireWriter writer;
  writer.flag(1, value);
  return {.body = writer.take()};
}

Result<http::Response> tell_live(const Asked&, const ServerState&) { return flag_message(true); }

Result<http::Response> tell_ready(const Asked&, const ServerState& state) {
  return flag_message(state.ready());
}

Result<http::Response> tell_metadata(const Asked&, const ServerState& state) {
  WireWriter writer;
  writer.text(1, "accel");
  writer.text(2, version());
  for (const std::string& extension : server_extensions(state)) writer.text(3, extension);
  return http::Response{.body = writer.take()};
}

Endpoint server_method(std::string_view path,
                       Result<http::Response> (*answer)(const Asked&, const ServerState&)) {
  return {.method = "POST",
          .path = path,
          .scope = Scope::kPublic,
          .errors = ErrorShape::kGrpc,
          .answer = answer};
}

}  // namespace
}  // namespace kserve

Endpoint kserve_server_live_method() {
  return kserve::server_method("/inference.GRPCInferenceService/ServerLive", kserve::tell_live);
}

Endpoint kserve_server_ready_method() {
  return kserve::server_method("/inference.GRPCInferenceService/ServerReady", kserve::tell_ready);
}

Endpoint kserve_server_metadata_method() {
  return kserve::server_method("/inference.GRPCInferenceService/ServerMetadata",
                               kserve::tell_metadata);
}

}  // namespace accel::server
