#include "server/kserve/ports.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace accel::server::kserve {
namespace {

// Tasks, and how a model's facts call what they give; the last of its outputs.
struct EmbeddingPort {
  std::string_view task;
  std::string_view output;
};
constexpr std::array<EmbeddingPort, 3> kEmbeddingPorts{{
    {"sentence-embedding", "sentence_embedding"},
    {"sparse-embedding", "sparse_embedding"},
    {"multi-vector-embedding", "token_embeddings"},
}};

}  // namespace

std::string platform_of(const ModelReport& facts) { return "accel_" + facts.source; }

std::span<const PortReport> graph_outputs(const ModelReport& facts) {
  const std::span<const PortReport> all = facts.outputs;
  if (all.empty() || facts.pooling == "by the graph") return all;
  const bool computed = std::ranges::any_of(kEmbeddingPorts, [&](const EmbeddingPort& port) {
    return all.back().name == port.output &&
           std::ranges::find(facts.tasks, port.task) != facts.tasks.end();
  });
  return computed ? all.first(all.size() - 1) : all;
}

void write_shape(JsonWriter& json, const Shape& shape) {
  json.array([&] {
    for (const int64_t length : shape) json.value(length);
  });
}

}  // namespace accel::server::kserve
