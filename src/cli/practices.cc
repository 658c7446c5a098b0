#include "cli/practices.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "engine/remembered_tunings.h"
#include "hub/locate.h"

namespace accel::cli {
namespace {

// The precisions of models that were timed on this processor.
bool is_timing(const RememberedFact& fact) { return fact.kind == "tuning" && fact.this_cpu; }

Practice one_model_first(const PracticeFacts& facts) {
  const auto timed = std::ranges::count_if(facts.remembered, is_timing);
  if (timed > 0) return {"one model first", true, fmt::format("{} timed on this processor", timed)};
  return {"one model first", false, "no model was timed on this processor",
          "try one before you move them all: accel doctor --measure MODEL"};
}

Practice keep_fallback(const PracticeFacts& facts) {
  if (facts.fallback) return {"keep the fallback", true, "enable_fallback is true"};
  return {"keep the fallback", false, "enable_fallback is false",
          "enable_fallback: true answers with the CPU or the reference backend, and a warning, "
          "when the engine cannot"};
}

Practice monitor(const PracticeFacts& facts) {
  const auto current = std::ranges::count_if(facts.remembered, [&](const RememberedFact& fact) {
    return is_timing(fact) && fact.engine == facts.engine;
  });
  if (current > 0)
    return {"measure", true, fmt::format("{} with this build of the engine", current)};
  return {"measure", false, "nothing was timed with this build of the engine",
          "accel doctor --measure MODEL after each update; --stats of every command tells times "
          "and fallbacks"};
}

Practice device_choice(const PracticeFacts& facts) {
  std::vector<std::string> others;
  for (const DeviceReport& device : facts.devices) {
    if (device.kind != "cpu") others.push_back(device.name);
  }
  if (others.empty()) {
    return {"device AUTO", true, facts.device + "; AUTO would be the CPU, the only device"};
  }
  if (facts.device != "CPU") return {"device AUTO", true, facts.device};
  return {"device AUTO", false,
          fmt::format("CPU, though there is also {}", fmt::join(others, ", ")),
          "device: AUTO takes it where it can run the model"};
}

Practice precision_choice(const PracticeFacts& facts) {
  std::vector<std::string> narrow;
  for (const DeviceReport& device : facts.devices) {
    for (const Precision precision : device.precisions) {
      if (precision == Precision::kF32) continue;
      narrow.push_back(fmt::format("{} on {}", to_string(precision), device.name));
    }
  }
  if (facts.precision != "f32") return {"fastest precision", true, facts.precision};
  if (narrow.empty()) return {"fastest precision", true, "f32, which is all that the devices have"};
  return {"fastest precision", false,
          fmt::format("f32, though there is also {}", fmt::join(narrow, ", ")),
          "precision: auto takes the fastest that keeps the answers, once it was measured"};
}

Practice options_in_a_file(const PracticeFacts& facts) {
  if (!facts.file_fault.empty()) {
    return {"options in a file", false, facts.file_fault,
            "mend the file; accel config check FILE tells what is wrong"};
  }
  if (!facts.file.empty()) return {"options in a file", true, facts.file};
  return {"options in a file", false, "no file",
          "accel config init config/backend.yaml writes one to start from"};
}

Practice keep_sources(const PracticeFacts& facts) {
  std::vector<std::string> alone;
  size_t converted = 0;
  for (const NamedModel& model : facts.models) {
    if (model.converted) ++converted;
    if (model.converted && !model.source) alone.push_back(model.name);
  }
  if (alone.empty()) {
    return {"keep sources", true,
            converted == 0 ? "no converted models are named in the file"
                           : fmt::format("of {} converted models named in the file", converted)};
  }
  return {"keep sources", false,
          fmt::format("without what they were made from: {}", fmt::join(alone, ", ")),
          "keep or pull the checkpoint beside the IR: another backend needs it, and so does "
          "converting again"};
}

}  // namespace

std::vector<Practice> practices(const PracticeFacts& facts) {
  return {one_model_first(facts), keep_fallback(facts),    monitor(facts),
          device_choice(facts),   precision_choice(facts), options_in_a_file(facts),
          keep_sources(facts)};
}

PracticeFacts practice_facts(const Result<Config>& config, Engine& engine,
                             std::vector<RememberedFact> remembered) {
  PracticeFacts facts{.devices = engine.devices(), .remembered = std::move(remembered)};
  for (const BackendReport& backend : engine.backends()) {
    if (backend.name == "openvino") facts.engine = engine::tuned_engine(backend.version);
  }
  const LoadOptions defaults;
  facts.fallback = defaults.fallback;
  facts.device = defaults.device;
  facts.precision = to_string(defaults.precision);
  if (!config.ok()) {
    facts.file_fault = config.status().message();
    return facts;
  }
  facts.file = config->file();
  const auto options = config->load_options();
  if (options.ok()) {
    facts.fallback = options->fallback;
    facts.device = options->device;
    facts.precision = to_string(options->precision);
  }
  for (const std::string& name : config->models()) {
    const auto model = config->load_options(name);
    if (!model.ok()) continue;
    const std::string path = model->path;
    facts.models.push_back({.name = name,
                            .converted = path.ends_with(".xml") && hub::locate_model(path).ok(),
                            .source = hub::locate_model(name).ok()});
  }
  return facts;
}

}  // namespace accel::cli
