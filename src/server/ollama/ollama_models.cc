#include "server/ollama/ollama_models.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>

namespace accel::server {
namespace {

constexpr std::string_view kLatest = ":latest";

// "22.57M", "7B"
std::string count_text(uint64_t count) {
  const auto number = static_cast<double>(count);
  const auto scaled = [&](double unit, int digits, char letter) {
    const double value = number / unit;
    return fmt::format("{:.{}f}{}", value, value == std::floor(value) ? 0 : digits, letter);
  };
  if (number >= 1e9) return scaled(1e9, 1, 'B');
  if (number >= 1e6) return scaled(1e6, 2, 'M');
  if (number >= 1e3) return fmt::format("{:.0f}K", number / 1e3);
  return fmt::format("{}", count);
}

std::string upper_case(std::string_view text) {
  std::string upper(text);
  std::ranges::transform(upper, upper.begin(), [](unsigned char c) { return std::toupper(c); });
  return upper;
}

}  // namespace

const std::string kOllamaDigest(64, '0');
const std::string kOllamaTime = "0001-01-01T00:00:00Z";

std::string ollama_target(std::string_view name) {
  if (name.ends_with(kLatest)) name.remove_suffix(kLatest.size());
  return std::string(name);
}

std::vector<std::vector<std::string>> ollama_names(const service::ServedModels& models) {
  std::vector<std::vector<std::string>> names;
  for (size_t i = 0; i < models.models.size(); ++i) {
    const service::ServedModel& model = models.models[i];
    const bool greatest =
        i + 1 == models.models.size() || models.models[i + 1].state.name != model.state.name;
    names.push_back({greatest ? fmt::format("{}{}", model.state.name, kLatest)
                              : fmt::format("{}:{}", model.state.name, model.state.version)});
    for (const std::string& alias : model.aliases) {
      const bool tagged = alias.find(':') != std::string::npos;
      names.back().push_back(fmt::format("{}{}", alias, tagged ? "" : kLatest));
    }
  }
  return names;
}

void write_ollama_details(const service::ServedModel& model, JsonWriter& json) {
  const ModelReport facts = model.facts.value_or(ModelReport());
  json.object([&] {
    json.member("parent_model", "");
    json.member("format", facts.source);
    json.member("family", facts.family);
    json.name("families");
    json.array([&] {
      if (!facts.family.empty()) json.value(facts.family);
    });
    json.member("parameter_size", model.facts ? count_text(facts.parameters) : "");
    json.member("quantization_level", upper_case(facts.weights_dtype));
  });
}

}  // namespace accel::server
