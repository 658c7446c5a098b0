#include "backends/process/control_message.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/json_members.h"
#include "base/try.h"

namespace accel::backend {
namespace {

constexpr size_t kPortsMost = 4096;
constexpr size_t kSizesMost = 64;
constexpr size_t kLayersMost = 1 << 20;
constexpr int kStepLevelsMost = 8;

constexpr std::array<std::pair<Wanted, std::string_view>, 6> kWantedNames{{
    {Wanted::kCheck, "check"},
    {Wanted::kCompile, "compile"},
    {Wanted::kImport, "import"},
    {Wanted::kSession, "session"},
    {Wanted::kLayers, "layers"},
    {Wanted::kExport, "export"},
}};

// Engines' messages may hold any bytes.
std::string text_of(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Status no_control_message(std::string_view what) {
  return data_loss("message of a worker process: expected " + std::string(what));
}

// --- requests ----------------------------------------------------------------------------------

Json json_of(const CompileOptions& options) {
  return {{"device", options.device},           {"precision", to_string(options.precision)},
          {"streams", options.streams},         {"threads", options.threads},
          {"own_kernels", options.own_kernels}, {"profile", options.profile},
          {"lone_graph", options.lone_graph}};
}

CompileOptions options_in(const JsonMembers& fields) {
  return {.device = fields.text("device"),
          .precision = fields.precision("precision"),
          .streams = fields.number("streams"),
          .threads = fields.number("threads"),
          .own_kernels = fields.flag("own_kernels"),
          .profile = fields.flag("profile"),
          .lone_graph = fields.flag("lone_graph")};
}

bool has_options(Wanted wanted) {
  return wanted == Wanted::kCheck || wanted == Wanted::kCompile || wanted == Wanted::kImport;
}

// --- replies -----------------------------------------------------------------------------------

Json json_of(const std::vector<Port>& ports) {
  Json list = Json::array();
  for (const Port& port : ports) list.push_back({port.name, to_string(port.dtype), port.shape});
  return list;
}

Port port_in(const Json& json, bool& ok) {
  Port port;
  ok = ok && json.is_array() && json.size() == 3 && json[0].is_string() && json[1].is_string() &&
       json[2].is_array() && json[2].size() <= kSizesMost;
  if (!ok) return port;
  const auto dtype = parse_dtype(json[1].get_ref<const std::string&>());
  ok = dtype.has_value();
  if (!ok) return port;
  port.name = json[0].get<std::string>();
  port.dtype = *dtype;
  for (const Json& size : json[2]) {
    ok = ok && size.is_number_integer() && size.get<int64_t>() >= -1;
    if (ok) port.shape.push_back(size.get<int64_t>());
  }
  return port;
}

std::vector<Port> ports_in(const Json& list, bool& ok) {
  std::vector<Port> ports;
  ok = ok && list.is_array() && list.size() <= kPortsMost;
  if (!ok) return ports;
  for (const Json& one : list) ports.push_back(port_in(one, ok));
  return ports;
}

Json json_of(const LayerReport& layer) {
  Json steps = Json::array();
  for (const LayerReport& step : layer.steps) steps.push_back(json_of(step));
  return {{"name", layer.name},           {"type", layer.type},      {"kernel", layer.kernel},
          {"precision", layer.precision}, {"layout", layer.layout},  {"fused", layer.fused},
          {"steps", std::move(steps)},    {"seconds", layer.seconds}};
}

std::vector<LayerReport> layers_in(const Json& list, bool& ok, int level) {
  std::vector<LayerReport> layers;
  ok = ok && list.is_array() && list.size() <= kLayersMost && level < kStepLevelsMost;
  if (!ok) return layers;
  for (const Json& one : list) {
    const JsonMembers fields{one, ok};
    layers.push_back({.name = fields.text("name"),
                      .type = fields.text("type"),
                      .kernel = fields.text("kernel"),
                      .precision = fields.text("precision"),
                      .layout = fields.text("layout"),
                      .fused = fields.texts("fused"),
                      .steps = layers_in(fields.at("steps"), ok, level + 1),
                      .seconds = fields.real("seconds")});
    if (!ok) return {};
  }
  return layers;
}

Executed executed_in(const JsonMembers& fields) {
  return {.device = fields.text("device"),
          .precision = fields.precision("precision"),
          .streams = fields.number("streams"),
          .threads = fields.number("threads"),
          .kernels = fields.text("kernels")};
}

}  // namespace

std::string encode(const WorkerRequest& request) {
  const auto name =
      std::ranges::find(kWantedNames, request.wanted, &std::pair<Wanted, std::string_view>::first);
  Json json{{"wanted", name->second}};
  if (has_options(request.wanted)) {
    json["build"] = request.build;
    json["backend"] = request.backend;
    json["options"] = json_of(request.options);
  }
  return text_of(json);
}

Result<WorkerRequest> decode_request(std::string_view bytes) {
  const Result<Json> json = parse_json(bytes);
  if (!json.ok()) return no_control_message("JSON");
  bool ok = true;
  const JsonMembers fields{*json, ok};
  const std::string wanted = fields.text("wanted");
  const auto name =
      std::ranges::find(kWantedNames, wanted, &std::pair<Wanted, std::string_view>::second);
  if (!ok || name == kWantedNames.end()) return no_control_message("what is wanted");
  WorkerRequest request{.wanted = name->first};
  if (has_options(request.wanted)) {
    request.build = fields.text("build");
    request.backend = fields.text("backend");
    request.options = options_in({fields.at("options"), ok});
  }
  if (!ok) return no_control_message("the options of a request");
  return request;
}

std::string encode(const WorkerReply& reply) {
  if (!reply.status.ok()) {
    return text_of(
        {{"code", static_cast<int>(reply.status.code())}, {"message", reply.status.message()}});
  }
  const Executed& executed = reply.executed;
  Json layers = Json::array();
  for (const LayerReport& layer : reply.layers.layers) layers.push_back(json_of(layer));
  return text_of({{"code", 0},
                  {"executed",
                   {{"device", executed.device},
                    {"precision", to_string(executed.precision)},
                    {"streams", executed.streams},
                    {"threads", executed.threads},
                    {"kernels", executed.kernels}}},
                  {"inputs", json_of(reply.signature.inputs)},
                  {"outputs", json_of(reply.signature.outputs)},
                  {"layers", std::move(layers)},
                  {"runs", reply.layers.runs},
                  {"seconds", reply.layers.seconds}});
}

Result<WorkerReply> decode_reply(std::string_view bytes) {
  const Result<Json> json = parse_json(bytes);
  if (!json.ok()) return no_control_message("JSON");
  bool ok = true;
  const JsonMembers fields{*json, ok};
  const int code = fields.number("code");
  WorkerReply reply;
  if (code != 0) {
    std::string message = fields.text("message");
    ok = ok && code <= static_cast<int>(StatusCode::kUnauthenticated);
    if (!ok) return no_control_message("an error");
    reply.status = Status(static_cast<StatusCode>(code), std::move(message));
    return reply;
  }
  reply.executed = executed_in({fields.at("executed"), ok});
  reply.signature.inputs = ports_in(fields.at("inputs"), ok);
  reply.signature.outputs = ports_in(fields.at("outputs"), ok);
  reply.layers.layers = layers_in(fields.at("layers"), ok, 0);
  reply.layers.seconds = fields.real("seconds");
  const Json& runs = fields.at("runs");
  ok = ok && runs.is_number_unsigned();
  if (!ok) return no_control_message("an answer");
  reply.layers.runs = runs.get<uint64_t>();
  return reply;
}

}  // namespace accel::backend
