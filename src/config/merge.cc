#include "config/merge.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>

#include "accel/precision.h"

namespace accel::config {
namespace {

// Canonical texts are numbers; what they were checked to be.
template <class Number>
Number number_in(const Value& value) {
  Number number{};
  std::from_chars(value.text.data(), value.text.data() + value.text.size(), number);
  return number;
}

bool is_true(const Value& value) { return value.text == "true"; }

const Values* values_for(const Layer& layer, std::string_view model) {
  auto found = layer.models.find(model);
  if (found == layer.models.end()) {
    const size_t slash = model.find_last_of('/');
    std::string_view last = slash == std::string_view::npos ? model : model.substr(slash + 1);
    last = last.substr(0, last.find('@'));
    found = layer.models.find(last);
  }
  return found == layer.models.end() ? nullptr : &found->second;
}

// RunReport::source of each choice of model_format.
struct FormatSource {
  std::string_view format;
  std::string_view source;
};
constexpr std::array<FormatSource, 7> kFormatSources{{{"checkpoint", "native"},
                                                      {"IR", "openvino-ir"},
                                                      {"ONNX", "onnx"},
                                                      {"GGUF", "gguf"},
                                                      {"TensorFlow", "tensorflow"},
                                                      {"TensorFlow-Lite", "tensorflow-lite"},
                                                      {"Paddle", "paddle"}}};

std::string source_of(std::string_view format) {
  const auto found = std::ranges::find(kFormatSources, format, &FormatSource::format);
  return found == kFormatSources.end() ? "" : std::string(found->source);
}

UseOptimum use_optimum_of(std::span<const Effective> effective) {
  const std::string& said = effective_of(effective, "use_optimum").value.text;
  if (said == "true") return UseOptimum::kTrue;
  if (said == "false") return UseOptimum::kFalse;
  const bool ir = effective_of(effective, "model_format").value.text == "IR";
  return ir ? UseOptimum::kTrue : UseOptimum::kAuto;
}

// Of the plain backend its own, unless somebody closer to the call gave one for any.
std::string device_of(std::span<const Effective> effective) {
  const Effective& device = effective_of(effective, "device");
  if (effective_of(effective, "backend").value.text != "openvino") {
    const Effective& plain = effective_of(effective, "pytorch.device");
    return plain.rank <= device.rank ? plain.value.text : device.value.text;
  }
  if (!is_true(effective_of(effective, "multi_device").value)) return device.value.text;
  // Checked when it was read.
  const auto weights = parse_priorities(effective_of(effective, "device_priorities").value.text);
  if (!weights.ok()) return device.value.text;
  std::string set;
  for (const DeviceWeight& one : *weights) {
    set += fmt::format("{}{}({})", set.empty() ? ":" : ",", one.device, one.weight);
  }
  return "MULTI" + set;
}

Hint hint_of(std::string_view text) {
  if (text == "LATENCY") return Hint::kLatency;
  return text == "THROUGHPUT" ? Hint::kThroughput : Hint::kUndefined;
}

// As given, or what the level of optimisation means by it where that stands closer to the call.
int streams_of(std::span<const Effective> effective) {
  const Effective& streams = effective_of(effective, "streams");
  const Effective& level = effective_of(effective, "optimization_level");
  const bool least = level.value.text == "memory" && level.rank < streams.rank;
  return least ? 1 : number_in<int>(streams.value);
}

}  // namespace

std::vector<Effective> merge(std::span<const Layer> layers, std::string_view model) {
  std::vector<Effective> effective;
  for (const Option& option : options()) {
    Effective one{.option = &option,
                  .value = {std::string(option.default_text), "default"},
                  .rank = static_cast<int>(2 * layers.size())};
    for (size_t i = 0; i < layers.size(); ++i) {
      const Values* own = values_for(layers[i], model);
      // Of a model that was named, where others lie says nothing.
      const bool of_all = option.key != "model_path" || model.empty();
      const std::array<const Values*, 2> places{own, of_all ? &layers[i].all : nullptr};
      const auto place = std::ranges::find_if(places, [&](const Values* values) {
        return values != nullptr && values->contains(option.key);
      });
      if (place == places.end()) continue;
      one.value = (*place)->at(option.key);
      one.rank = static_cast<int>(2 * i + (place - places.begin()));
      break;
    }
    effective.push_back(std::move(one));
  }
  return effective;
}

const Effective& effective_of(std::span<const Effective> effective, std::string_view key) {
  const auto found = std::ranges::find_if(
      effective, [key](const Effective& one) { return one.option->key == key; });
  if (found == effective.end()) std::abort();  // our own bug: no such option
  return *found;
}

std::string note_of(std::span<const Effective> effective, const Effective& one) {
  const bool plain = effective_of(effective, "backend").value.text != "openvino";
  const std::string device = device_of(effective);
  if (one.option->group == OptionGroup::kGpu) {
    if (device == "CPU") return "not applicable: the device is CPU";
    return "no effect: accel passes no settings of GPUs on";
  }
  if (one.option->group == OptionGroup::kPlain && !plain) {
    return "not applicable: the backend is openvino";
  }
  if (one.option->key == "device_priorities" && !one.value.text.empty() &&
      !is_true(effective_of(effective, "multi_device").value)) {
    return "no effect without multi_device: true";
  }
  const bool precompiles = is_true(effective_of(effective, "precompile_shapes").value);
  const bool has_shapes = !effective_of(effective, "input_shapes").value.text.empty();
  if (one.option->key == "precompile_shapes" && precompiles && !has_shapes) {
    return "no effect without input_shapes";
  }
  if (one.option->key == "input_shapes" && has_shapes && !precompiles) {
    return "no effect without precompile_shapes: true";
  }
  if (one.option->key == "streams" && streams_of(effective) != number_in<int>(one.value)) {
    return "1, by optimization_level: memory";
  }
  if (one.option->key == "device" && plain && device != one.value.text) {
    return "the backend's own device counts: " + device;
  }
  return "";
}

std::optional<double> seconds_in(const Value& value) {
  if (value.text.empty()) return std::nullopt;
  return number_in<double>(value);
}

LoadOptions load_options_of(std::span<const Effective> effective, const std::string& model) {
  const auto text = [&](std::string_view key) { return effective_of(effective, key).value.text; };
  const auto count = [&](std::string_view key) {
    return number_in<int>(effective_of(effective, key).value);
  };
  LoadOptions options{
      .backend = text("backend"),
      .device = device_of(effective),
      .isolation = text("isolation") == "process" ? Isolation::kProcess : Isolation::kThread,
      .hang_seconds = seconds_in(effective_of(effective, "hang_seconds").value),
      .precision = parse_precision(text("precision")).value(),
      .hint = hint_of(text("performance_hint")),
      .threads = count("threads"),
      .own_kernels = text("kernels") == "auto",
      .task = text("task"),
      .use_optimum = use_optimum_of(effective),
      .cache = is_true(effective_of(effective, "cache").value),
      .fallback = is_true(effective_of(effective, "enable_fallback").value),
      .model_format = source_of(text("model_format")),
      .model_type = text("model_type") == "auto" ? "" : text("model_type")};
  options.streams = streams_of(effective);
  options.batch_tokens = number_in<int64_t>(effective_of(effective, "max_batch_tokens").value);
  options.batch_rows = number_in<int64_t>(effective_of(effective, "max_batch_rows").value);
  options.memory_bytes_max = number_in<uint64_t>(effective_of(effective, "memory_bytes_max").value);
  // Both were checked when they were read.
  if (is_true(effective_of(effective, "precompile_shapes").value)) {
    options.warm_up_shapes = parse_shapes(text("input_shapes")).value();
  }
  if (std::string warm_up = text("warm_up"); !warm_up.empty()) {
    options.warm_up_texts.push_back(std::move(warm_up));
  }
  options.rules = parse_content_rules(text("rules")).value();  // checked when it was read
  if (std::string path = text("model_path"); !path.empty()) {
    options.path = std::move(path);
  } else if (!model.empty()) {
    options.path = model;
  }
  return options;
}

ManagerOptions manager_options_of(std::span<const Effective> effective) {
  const auto value = [&](std::string_view key) { return effective_of(effective, key).value; };
  return {.memory_bytes_max = number_in<uint64_t>(value("memory_bytes_max")),
          .models_max = number_in<uint64_t>(value("models_max")),
          .idle_seconds_max = number_in<double>(value("idle_seconds_max")),
          .cooldown_seconds = number_in<double>(value("cooldown_seconds")),
          .loads_max = number_in<int>(value("loads_max"))};
}

EngineOptions engine_options_of(std::span<const Effective> effective) {
  EngineOptions options{.cache_dir = effective_of(effective, "cache_dir").value.text};
  options.memory_cap = number_in<uint64_t>(effective_of(effective, "memory_cap").value);
  return options;
}

}  // namespace accel::config
