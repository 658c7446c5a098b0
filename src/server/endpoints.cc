#include "server/endpoints.h"

#include <array>

namespace accel::server {

std::span<const Endpoint> endpoints() {
  static const std::array kEndpoints = {
      index_endpoint(),
      health_endpoint("/health"),
      health_endpoint("/livez"),
      metrics_endpoint(),
      openapi_endpoint(),
      ready_endpoint("/readyz", ErrorShape::kOpenAi),
      openai_embeddings_endpoint(),
      openai_models_endpoint(),
      openai_model_endpoint(),
      kserve_server_endpoint(),
      health_endpoint("/v2/health/live"),
      ready_endpoint("/v2/health/ready", ErrorShape::kKserve),
      kserve_all_statistics_endpoint(),
      kserve_metadata_endpoint("/v2/models/{model}"),
      kserve_config_endpoint("/v2/models/{model}/config"),
      kserve_infer_endpoint("/v2/models/{model}/infer"),
      kserve_ready_endpoint("/v2/models/{model}/ready"),
      kserve_statistics_endpoint("/v2/models/{model}/stats"),
      kserve_metadata_endpoint("/v2/models/{model}/versions/{version}"),
      kserve_config_endpoint("/v2/models/{model}/versions/{version}/config"),
      kserve_infer_endpoint("/v2/models/{model}/versions/{version}/infer"),
      kserve_ready_endpoint("/v2/models/{model}/versions/{version}/ready"),
      kserve_statistics_endpoint("/v2/models/{model}/versions/{version}/stats"),
      kserve_index_endpoint(),
      kserve_load_endpoint(),
      kserve_unload_endpoint(),
  };
  return kEndpoints;
}

}  // namespace accel::server
