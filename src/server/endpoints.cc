#include "server/endpoints.h"

#include <array>

namespace accel::server {

std::span<const Endpoint> endpoints() {
  static const std::array kEndpoints = {
      index_endpoint(),
      ollama_embed_endpoint(),
      ollama_embeddings_endpoint(),
      ollama_ps_endpoint(),
      ollama_pull_endpoint(),
      ollama_show_endpoint(),
      ollama_tags_endpoint(),
      ollama_version_endpoint(),
      tei_decode_endpoint(),
      tei_embed_endpoint(),
      tei_embed_all_endpoint(),
      tei_embed_sparse_endpoint(),
      health_endpoint("/health"),
      tei_info_endpoint(),
      health_endpoint("/livez"),
      metrics_endpoint(),
      openapi_endpoint(),
      tei_predict_endpoint(),
      ready_endpoint("/readyz", ErrorShape::kOpenAi),
      tei_rerank_endpoint(),
      tei_similarity_endpoint(),
      tei_tokenize_endpoint(),
      openai_transcriptions_endpoint(),
      openai_embeddings_endpoint(),
      openai_models_endpoint(),
      openai_model_endpoint(),
      cohere_rerank_v1_endpoint(),
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
      cohere_rerank_v2_endpoint(),
  };
  return kEndpoints;
}

}  // namespace accel::server
