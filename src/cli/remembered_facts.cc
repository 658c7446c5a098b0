#include "cli/remembered_facts.h"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>
#include <tuple>

namespace accel::cli {
namespace {

namespace fs = std::filesystem;

constexpr size_t kFactsMax = 4096;
constexpr uint64_t kFactBytesMax = 512 << 10;

std::string text_of(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

double number_of(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_number() ? found->get<double>() : 0;
}

std::string tuning_text(const Json& value) {
  std::string text;
  for (const char* const hint : {"latency", "throughput"}) {
    const auto found = value.find(hint);
    if (found == value.end() || !found->is_object()) continue;
    text += fmt::format("{}{}: {}, {:.0f} streams, {:.2f} ms, {:.0f}/s", text.empty() ? "" : "; ",
                        hint, text_of(*found, "precision"), number_of(*found, "streams"),
                        number_of(*found, "latency_ms"), number_of(*found, "items_per_sec"));
  }
  return text;
}

}  // namespace

std::vector<RememberedFact> remembered_facts(const fs::path& folder, const std::string& cpu) {
  std::vector<RememberedFact> facts;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    if (facts.size() == kFactsMax) break;
    std::error_code ignored;
    if (it->path().extension() != ".json" || !it->is_regular_file(ignored)) continue;
    const auto json = read_json(it->path(), kFactBytesMax);
    if (!json.ok() || !json->is_object() || !json->contains("accel_fact")) continue;
    facts.push_back({text_of(*json, "kind"), text_of(*json, "engine"), text_of(*json, "model"),
                     text_of(*json, "detail"), text_of(*json, "cpu") == cpu,
                     json->value("value", Json())});
  }
  std::ranges::sort(facts, {}, [](const RememberedFact& fact) {
    return std::tie(fact.kind, fact.engine, fact.detail, fact.model);
  });
  return facts;
}

std::string fact_text(const RememberedFact& fact) {
  const bool object = fact.value.is_object();
  if (object && fact.kind == "tuning") return tuning_text(fact.value);
  if (object && fact.kind == "machine-speed") {
    return fmt::format("{:.0f} and {:.0f} GFLOP/s, {:.1f} GB/s, on {}",
                       number_of(fact.value, "gflops_one"), number_of(fact.value, "gflops_all"),
                       number_of(fact.value, "memory_gb_per_s"),
                       text_of(fact.value, "measured_at"));
  }
  if (object && fact.kind == "speed") {
    return fmt::format("{}: {:.1f} items/s in {}, on {}", text_of(fact.value, "task"),
                       number_of(fact.value, "items_per_sec"), text_of(fact.value, "precision"),
                       text_of(fact.value, "measured_at"));
  }
  if (object && fact.kind == "crash-probe") {
    const std::string signal = text_of(fact.value, "signal");
    return signal.empty() ? "no crash" : "crashed: " + signal;
  }
  return fact.value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace accel::cli
