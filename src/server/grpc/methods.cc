#include "server/grpc/methods.h"

#include <array>

namespace accel::server::grpc {

std::span<const Endpoint> methods() {
  static const std::array kMethods = {
      grpc_health_method(),
      grpc_reflection_method("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"),
      grpc_reflection_method("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"),
      kserve_model_config_method(),
      kserve_model_infer_method(),
      kserve_model_metadata_method(),
      kserve_model_ready_method(),
      kserve_model_statistics_method(),
      kserve_model_stream_infer_method(),
      kserve_repository_index_method(),
      kserve_repository_load_method(),
      kserve_repository_unload_method(),
      kserve_server_live_method(),
      kserve_server_metadata_method(),
      kserve_server_ready_method(),
  };
  return kMethods;
}

}  // namespace accel::server::grpc
