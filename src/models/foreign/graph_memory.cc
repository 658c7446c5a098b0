#include "models/foreign/graph_memory.h"

#include <chrono>
#include <exception>
#include <openvino/core/version.hpp>
#include <stdexcept>

#include "accel/tensor.h"

namespace accel::models::foreign {
namespace {

// Converting takes seconds; a process that takes longer is stuck.
constexpr std::chrono::minutes kWaitMax{5};

Json ports_to_json(const std::vector<GraphPort>& ports) {
  Json list = Json::array();
  for (const GraphPort& port : ports) {
    list.push_back({{"name", port.name}, {"dtype", to_string(port.dtype)}, {"shape", port.shape}});
  }
  return list;
}

// Throws for what is no list of ports.
std::vector<GraphPort> ports_of(const Json& list) {
  std::vector<GraphPort> ports;
  for (const Json& item : list) {
    const auto dtype = parse_dtype(item.at("dtype").get<std::string>());
    if (!dtype) throw std::invalid_argument("dtype");
    ports.push_back({.name = item.at("name").get<std::string>(),
                     .dtype = *dtype,
                     .shape = item.at("shape").get<Shape>()});
  }
  return ports;
}

}  // namespace

Json to_json(const GraphFacts& facts) {
  return {{"inputs", ports_to_json(facts.inputs)},
          {"unused_inputs", facts.unused_inputs},
          {"outputs", ports_to_json(facts.outputs)},
          {"numbers", facts.numbers},
          {"index_limits", facts.index_limits}};
}

std::optional<GraphFacts> graph_facts_of(const Json& json) {
  try {
    GraphFacts facts{.inputs = ports_of(json.at("inputs")),
                     .unused_inputs = json.at("unused_inputs").get<std::vector<std::string>>(),
                     .outputs = ports_of(json.at("outputs")),
                     .numbers = json.at("numbers").get<std::map<std::string, uint64_t>>(),
                     .index_limits = {}};
    for (const Json& limit : json.at("index_limits")) {
      facts.index_limits.emplace_back(limit.at(0).get<std::string>(), limit.at(1).get<int64_t>());
    }
    return facts;
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

GraphMemory::GraphMemory(GraphMemoryOptions options)
    : options_(std::move(options)), facts_(store::Facts::create({.folder = options_.folder})) {}

Result<std::string> GraphMemory::content_of(const std::vector<std::filesystem::path>& files) const {
  return options_.hashes->of_contents(files);
}

GraphMemory::Known GraphMemory::recall(const std::string& content) const {
  const auto known = [&]() -> std::optional<GraphFacts> {
    const std::optional<Json> value = facts_->get(key(content));
    return value ? graph_facts_of(*value) : std::nullopt;
  };
  if (auto facts = known()) return {.facts = std::move(facts)};
  auto lock = store::FileLock::acquire(facts_->folder() / (content + ".lock"), kWaitMax);
  if (auto facts = known()) return {.facts = std::move(facts)};
  return {.facts = std::nullopt, .lock = lock.ok() ? std::move(*lock) : nullptr};
}

void GraphMemory::remember(const std::string& content, const GraphFacts& facts) const {
  // A name that is no UTF-8, or a folder that cannot be written: then it is found out again.
  const Status ignored = facts_->put(key(content), to_json(facts));
}

store::FactKey GraphMemory::key(const std::string& content) const {
  return {.kind = "graph",
          .cpu = "",
          .engine = std::string("openvino ") + ov::get_openvino_version().buildNumber,
          .model = content,
          .detail = options_.build};
}

}  // namespace accel::models::foreign
