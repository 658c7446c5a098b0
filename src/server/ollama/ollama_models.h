// How Ollama names and describes models. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/json/json_writer.h"
#include "service/inference_service.h"

namespace accel::server {

// Of "name:latest", which Ollama's clients make of a name, the name; of another, itself.
std::string ollama_target(std::string_view name);

// The names of each model as Ollama lists them: "name:latest", or "name:2" of a version that is not
// the greatest, then those of its aliases.
std::vector<std::vector<std::string>> ollama_names(const service::ServedModels& models);

// In place of the hash of a model's files and of the time when they changed, which are not known:
// zeros, and the time that Go takes for none. Clients expect both.
extern const std::string kOllamaDigest;
extern const std::string kOllamaTime;

// The value of "details". Without facts its members are empty.
void write_ollama_details(const service::ServedModel& model, JsonWriter& json);

}  // namespace accel::server
