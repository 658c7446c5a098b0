#include "cli/layers_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/utf8.h"

namespace accel::cli {

nlohmann::ordered_json layer_json(const LayerReport& layer, uint64_t runs) {
  nlohmann::ordered_json json{{"name", layer.name},     {"type", layer.type},
                              {"kernel", layer.kernel}, {"precision", layer.precision},
                              {"layout", layer.layout}, {"fused", layer.fused}};
  if (runs > 0) json["ms"] = layer.seconds * 1e3 / static_cast<double>(runs);
  if (layer.steps.empty()) return json;
  json["steps"] = nlohmann::ordered_json::array();
  for (const LayerReport& step : layer.steps) json["steps"].push_back(layer_json(step, runs));
  return json;
}

std::string fused_text(const LayerReport& layer) {
  if (layer.fused.size() < 2) return "";
  // The engine names nodes, whose names are long; accel's steps name operations.
  const bool operations = layer.fused.front().find_first_of("./_") == std::string::npos &&
                          layer.type.find(' ') != std::string::npos;
  if (operations) return fmt::format("{}", fmt::join(layer.fused, "+"));
  return fmt::format("{} nodes", layer.fused.size());
}

Status advise_backend(const Status& status) {
  if (status.code() != StatusCode::kUnimplemented) return status;
  return unimplemented(status.message() + "; --backend openvino does");
}

std::string short_name(const std::string& name, size_t most) {
  if (name.size() <= most) return name;
  return repair_utf8("..." + name.substr(name.size() - most + 3)).text;
}

}  // namespace accel::cli
