// Every endpoint, made by the file that is named like it.
#pragma once

#include "server/endpoint.h"

namespace accel::server {

// about/: the server itself
Endpoint health_endpoint(std::string_view path);
Endpoint ready_endpoint(std::string_view path, ErrorShape errors);
Endpoint index_endpoint();
Endpoint metrics_endpoint();
Endpoint openapi_endpoint();

// cohere/
Endpoint cohere_rerank_v1_endpoint();
Endpoint cohere_rerank_v2_endpoint();

// kserve/: each `path` with or without a version
Endpoint kserve_all_statistics_endpoint();
Endpoint kserve_config_endpoint(std::string_view path);
Endpoint kserve_index_endpoint();
Endpoint kserve_infer_endpoint(std::string_view path);
Endpoint kserve_load_endpoint();
Endpoint kserve_metadata_endpoint(std::string_view path);
Endpoint kserve_ready_endpoint(std::string_view path);
Endpoint kserve_server_endpoint();
Endpoint kserve_statistics_endpoint(std::string_view path);
Endpoint kserve_unload_endpoint();

// ollama/
Endpoint ollama_embed_endpoint();
Endpoint ollama_embeddings_endpoint();
Endpoint ollama_ps_endpoint();
Endpoint ollama_pull_endpoint();
Endpoint ollama_show_endpoint();
Endpoint ollama_tags_endpoint();
Endpoint ollama_version_endpoint();

// openai/
Endpoint openai_embeddings_endpoint();
Endpoint openai_model_endpoint();
Endpoint openai_models_endpoint();
Endpoint openai_transcriptions_endpoint();

// tei/
Endpoint tei_decode_endpoint();
Endpoint tei_embed_all_endpoint();
Endpoint tei_embed_endpoint();
Endpoint tei_embed_sparse_endpoint();
Endpoint tei_info_endpoint();
Endpoint tei_predict_endpoint();
Endpoint tei_rerank_endpoint();
Endpoint tei_similarity_endpoint();
Endpoint tei_tokenize_endpoint();

}  // namespace accel::server
