#include "ovms/config_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "base/suggestion.h"
#include "base/try.h"

namespace accel::ovms {
namespace {

constexpr size_t kShownMax = 80;

constexpr std::array<std::string_view, 6> kLists{"custom_loader_config_list",
                                                 "custom_node_library_config_list",
                                                 "mediapipe_config_list",
                                                 "model_config_list",
                                                 "monitoring",
                                                 "pipeline_config_list"};

std::string quoted(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace).substr(0, kShownMax);
}

Status unknown_key(std::string_view name, std::span<const std::string_view> known) {
  return invalid_argument(fmt::format("{}: OpenVINO Model Server knows no such member{}",
                                      name.substr(0, kShownMax), did_you_mean(name, known)));
}

// What a list has that accel does not serve: "'a', 'b'".
std::string names_of(const Json& list) {
  std::string names;
  for (const Json& one : list) {
    const Json& entry = one.is_object() && one.contains("config") ? one["config"] : one;
    if (!entry.is_object()) continue;
    for (const char* key : {"name", "loader_name"}) {
      const auto name = entry.find(key);
      if (name == entry.end() || names.size() > kShownMax) continue;
      names += (names.empty() ? "" : ", ") + quoted(*name);
    }
  }
  return names;
}

std::string_view instead_of(std::string_view list) {
  if (list == "mediapipe_config_list") return "accel runs models, and no graphs of MediaPipe";
  if (list == "pipeline_config_list") return "accel runs models, and no pipelines of them";
  return "accel loads no libraries of others";
}

Status read_other_list(std::string_view key, const Json& list, Notices& notices) {
  if (!list.is_array()) {
    return invalid_argument(fmt::format("{}: expected a list, found {}", key, quoted(list)));
  }
  if (list.empty()) return {};
  const std::string names = names_of(list);
  notices.push_back(
      fmt::format("{}: left out{}{}: {}", key, names.empty() ? "" : ": ", names, instead_of(key)));
  return {};
}

// accel answers /metrics in any case.
Status read_monitoring(const Json& monitoring, Notices& notices) {
  if (!monitoring.is_object()) {
    return invalid_argument(fmt::format(
        R"(monitoring: expected {{"metrics": {{"enable": true}}}}, found {})", quoted(monitoring)));
  }
  for (const auto& [name, metrics] : monitoring.items()) {
    constexpr std::array<std::string_view, 1> kKnown{"metrics"};
    if (name != "metrics") return unknown_key("monitoring." + name, kKnown);
    if (!metrics.is_object()) {
      return invalid_argument("monitoring.metrics: expected an object, found " + quoted(metrics));
    }
    for (const auto& [key, value] : metrics.items()) {
      constexpr std::array<std::string_view, 2> kMetrics{"enable", "metrics_list"};
      if (key == "metrics_list") {
        notices.emplace_back(
            "monitoring.metrics.metrics_list: has no effect: accel's metrics have names of their "
            "own, and all of them are at /metrics");
      } else if (key != "enable") {
        return unknown_key("monitoring.metrics." + key, kMetrics);
      } else if (!value.is_boolean()) {
        return invalid_argument("monitoring.metrics.enable: expected true or false, found " +
                                quoted(value));
      } else if (!value.get<bool>()) {
        notices.emplace_back(
            "monitoring.metrics.enable: has no effect: /metrics is answered in any case, with "
            "--admin at an address of its own");
      }
    }
  }
  return {};
}

Status read_models(const Json& list, ModelList& read) {
  if (!list.is_array()) {
    return invalid_argument("model_config_list: expected a list, found " + quoted(list));
  }
  std::set<std::string, std::less<>> taken;
  size_t index = 0;
  for (const Json& one : list) {
    const std::string at = fmt::format("model_config_list[{}]", index++);
    if (!one.is_object() || one.size() != 1 || !one.contains("config") ||
        !one["config"].is_object()) {
      return invalid_argument(
          fmt::format(R"({}: expected {{"config": {{"name": ..., "base_path": ...}}}}, found {})",
                      at, quoted(one)));
    }
    const Json& config = one["config"];
    const auto name = config.find("name");
    const bool named = name != config.end() && name->is_string();
    const std::string place =
        named ? fmt::format("model '{}': ", name->get<std::string>().substr(0, kShownMax))
              : at + ".config.";
    ACCEL_ASSIGN(ModelEntry entry, read_entry(config, place, read.notices));
    if (!taken.insert(entry.name).second) {
      return invalid_argument(fmt::format("{}: two models are called '{}'", at, entry.name));
    }
    read.models.push_back(std::move(entry));
  }
  return {};
}

Result<ModelList> parse_members(std::string_view text) {
  if (text.size() > kConfigBytesMax) {
    return resource_exhausted(
        fmt::format("expected at most {} bytes, found {}", kConfigBytesMax, text.size()));
  }
  ACCEL_ASSIGN(const Json root, parse_json(text));
  if (!root.is_object() || !root.contains("model_config_list")) {
    return invalid_argument(fmt::format(
        R"(expected an object with model_config_list, as OpenVINO Model Server has it, found {})",
        quoted(root)));
  }
  ModelList read;
  for (const auto& [key, value] : root.items()) {
    if (key == "model_config_list") {
      ACCEL_TRY(read_models(value, read));
    } else if (key == "monitoring") {
      ACCEL_TRY(read_monitoring(value, read.notices));
    } else if (std::ranges::find(kLists, key) == kLists.end()) {
      return unknown_key(key, kLists);
    } else {
      ACCEL_TRY(read_other_list(key, value, read.notices));
    }
  }
  return read;
}

}  // namespace

Result<ModelList> parse_config(std::string_view text, std::string_view name) {
  Result<ModelList> parsed = parse_members(text);
  if (!parsed.ok()) return parsed.status().with_context(name);
  for (std::string& notice : parsed->notices) notice = fmt::format("{}: {}", name, notice);
  for (ModelEntry& entry : parsed->models) {
    for (ConfigSetting& setting : entry.settings) {
      setting.source = fmt::format("{}: {}", name, setting.source);
    }
  }
  return parsed;
}

}  // namespace accel::ovms
