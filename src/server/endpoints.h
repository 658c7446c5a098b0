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

// openai/
Endpoint openai_embeddings_endpoint();
Endpoint openai_model_endpoint();
Endpoint openai_models_endpoint();

}  // namespace accel::server
