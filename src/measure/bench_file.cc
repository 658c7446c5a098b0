#include "measure/bench_file.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdint>

#include "base/json.h"
#include "base/try.h"

namespace accel::measure {
namespace {

constexpr std::string_view kSchema = "accel-bench-1";

Status missing(std::string_view name, std::string_view expected) {
  return invalid_argument(
      fmt::format("expected {} called \"{}\", as accel bench --output-json writes it, found none",
                  expected, name));
}

Result<std::string> text_in(const Json& json, std::string_view name) {
  const auto it = json.find(name);
  if (it == json.end() || !it->is_string()) return missing(name, "a text");
  return it->get<std::string>();
}

Result<double> number_in(const Json& json, std::string_view name) {
  const auto it = json.find(name);
  if (it == json.end() || !it->is_number()) return missing(name, "a number");
  return it->get<double>();
}

Result<const Json*> object_in(const Json& json, std::string_view name) {
  const auto it = json.find(name);
  if (it == json.end() || !it->is_object()) return missing(name, "an object");
  return &*it;
}

Result<BenchedRun> run_of(const Json& json) {
  if (!json.is_object()) return missing("runs", "an array of objects");
  BenchedRun run;
  ACCEL_ASSIGN(run.name, text_in(json, "scenario"));
  ACCEL_ASSIGN(run.items_per_s, number_in(json, "throughput_items_per_sec"));
  ACCEL_ASSIGN(const Json* plan, object_in(json, "plan"));
  for (const auto& [scenario, member] :
       {std::pair("clients", "clients"), std::pair("server", "arrivals_per_sec"),
        std::pair("multi-stream", "items_per_query")}) {
    if (run.name != scenario) continue;
    ACCEL_ASSIGN(const double value, number_in(*plan, member));
    run.name += fmt::format(" {:g}", value);
    break;
  }
  const auto latencies = json.find("latencies_ms");
  if (latencies == json.end()) return run;  // one without figures: the comparison says so
  if (!latencies->is_array()) return missing("latencies_ms", "an array");
  for (const Json& one : *latencies) {
    const double value = one.is_number() ? one.get<double>() : 0;
    if (!(value > 0) || !std::isfinite(value)) {
      return invalid_argument("latencies_ms: expected numbers above 0, found " +
                              one.dump(-1, ' ', false, Json::error_handler_t::replace));
    }
    run.latencies_ms.push_back(value);
  }
  return run;
}

Result<std::string> inputs_of(const Json& json) {
  ACCEL_ASSIGN(const Json* inputs, object_in(json, "inputs"));
  ACCEL_ASSIGN(const double count, number_in(*inputs, "count"));
  ACCEL_ASSIGN(const std::string source, text_in(*inputs, "source"));
  const auto runs = json.find("runs");
  if (source != "generated" || runs == json.end() || !runs->is_array() || runs->empty()) {
    return fmt::format("{:g}, {}", count, source);
  }
  ACCEL_ASSIGN(const Json* plan, object_in(runs->front(), "plan"));
  ACCEL_ASSIGN(const double seed, number_in(*plan, "seed"));
  return fmt::format("{:g}, made with seed {:g}", count, seed);
}

}  // namespace

Result<BenchFile> parse_bench_file(std::string_view text) {
  const Result<Json> parsed = parse_json(text);
  if (!parsed.ok()) return Status(StatusCode::kDataLoss, parsed.status().message());
  const Json& json = *parsed;
  const auto schema = json.find("schema");
  if (schema == json.end() || *schema != Json(kSchema)) {
    return invalid_argument(
        fmt::format("expected a result of accel bench, with \"schema\": \"{}\"", kSchema));
  }
  BenchFile file;
  ACCEL_ASSIGN(file.model, text_in(json, "model"));
  ACCEL_ASSIGN(file.task, text_in(json, "task"));
  ACCEL_ASSIGN(file.backend, text_in(json, "backend"));
  ACCEL_ASSIGN(file.device, text_in(json, "device"));
  ACCEL_ASSIGN(file.precision, text_in(json, "precision"));
  ACCEL_ASSIGN(file.kernels, text_in(json, "kernels"));
  ACCEL_ASSIGN(file.inputs, inputs_of(json));
  ACCEL_ASSIGN(const Json* machine, object_in(json, "machine"));
  ACCEL_ASSIGN(const std::string cpu, text_in(*machine, "cpu"));
  ACCEL_ASSIGN(const double threads, number_in(*machine, "usable_threads"));
  file.machine = fmt::format("{}, {:g} threads", cpu, threads);
  const auto runs = json.find("runs");
  if (runs == json.end() || !runs->is_array()) return missing("runs", "an array");
  for (const Json& one : *runs) {
    ACCEL_ASSIGN(BenchedRun run, run_of(one));
    file.runs.push_back(std::move(run));
  }
  return file;
}

}  // namespace accel::measure
