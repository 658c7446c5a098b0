#include "ovms/flags.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>

#include "base/suggestion.h"
#include "base/try.h"

namespace accel::ovms {
namespace {

enum class Meaning : uint8_t {
  kServer,      // translated by serve_flags()
  kModel,       // of the single model: a member of its entry
  kNoEffect,    // a notice, with `instead`
  kImpossible,  // an error, with `instead`
};

struct ForeignFlag {
  std::string_view name;
  Meaning meaning;
  std::string_view instead = {};  // for kModel: the entry's member, where it is called otherwise
  bool boolean = false;           // its value, where there is one, stands behind "="
};

using enum Meaning;

constexpr std::string_view kManaged =
    "edit config.json, which accel reads again when it changes, or see accel list";
constexpr std::string_view kPulled = "accel pull fetches a model, and accel serve NAME serves it";
constexpr std::string_view kOwnThreads = "accel's own threads serve all connections";
constexpr std::string_view kNoState = "accel keeps no state between requests";

constexpr std::array kForeignFlags{
    ForeignFlag{"--add_to_config", kImpossible, kManaged},
    ForeignFlag{"--allow_cache", kModel, "", true},
    ForeignFlag{"--allow_credentials", kNoEffect, "--origins says whose pages may ask", true},
    ForeignFlag{"--allowed_headers", kNoEffect, "--origins says whose pages may ask"},
    ForeignFlag{"--allowed_local_media_path", kServer},
    ForeignFlag{"--allowed_media_domains", kServer},
    ForeignFlag{"--allowed_methods", kNoEffect, "--origins says whose pages may ask"},
    ForeignFlag{"--allowed_origins", kServer},
    ForeignFlag{"--api_key_file", kImpossible, "accel keys writes a file of keys for --keys"},
    ForeignFlag{"--batch_size", kModel},
    ForeignFlag{"--cache_dir", kServer},
    ForeignFlag{"--color_format", kModel},
    ForeignFlag{"--config_path", kServer},
    ForeignFlag{"--cpu_extension", kImpossible, "accel loads no libraries of others"},
    ForeignFlag{"--custom_node_resources_cleaner_interval_seconds", kNoEffect,
                "accel has no nodes of others"},
    ForeignFlag{"--extra_quantization_params", kImpossible, kPulled},
    ForeignFlag{"--file_system_poll_wait_seconds", kServer},
    ForeignFlag{"--gguf_filename", kImpossible, kPulled},
    ForeignFlag{"--grpc_bind_address", kServer},
    ForeignFlag{"--grpc_channel_arguments", kNoEffect, "accel's gRPC has no such settings"},
    ForeignFlag{"--grpc_max_threads", kNoEffect, kOwnThreads},
    ForeignFlag{"--grpc_memory_quota", kNoEffect, "--body-max bounds a request"},
    ForeignFlag{"--grpc_workers", kNoEffect, kOwnThreads},
    ForeignFlag{"--idle_sequence_cleanup", kNoEffect, kNoState, true},
    ForeignFlag{"--layout", kModel},
    ForeignFlag{"--list_models", kImpossible, kManaged, true},
    ForeignFlag{"--log_level", kServer},
    ForeignFlag{"--log_path", kNoEffect,
                "accel says what it does on standard error; --log-requests FILE has a line for "
                "each request"},
    ForeignFlag{"--low_latency_transformation", kModel, "", true},
    ForeignFlag{"--max_sequence_number", kNoEffect, kNoState},
    ForeignFlag{"--mean", kModel},
    ForeignFlag{"--metrics_enable", kServer, "", true},
    ForeignFlag{"--metrics_list", kNoEffect,
                "accel's metrics have names of their own, and all of them are at /metrics"},
    ForeignFlag{"--model_name", kModel, "name"},
    ForeignFlag{"--model_path", kModel, "base_path"},
    ForeignFlag{"--model_repository_path", kImpossible, "--model_path names the model's folder"},
    ForeignFlag{"--model_version_policy", kModel},
    ForeignFlag{"--nireq", kModel},
    ForeignFlag{"--overwrite_models", kImpossible, kPulled, true},
    ForeignFlag{"--plugin_config", kModel},
    ForeignFlag{"--port", kServer},
    ForeignFlag{"--pull", kImpossible, kPulled, true},
    ForeignFlag{"--remove_from_config", kImpossible, kManaged},
    ForeignFlag{"--rest_bind_address", kServer},
    ForeignFlag{"--rest_port", kServer},
    ForeignFlag{"--rest_workers", kNoEffect, kOwnThreads},
    ForeignFlag{"--scale", kModel},
    ForeignFlag{"--sequence_cleaner_poll_wait_minutes", kNoEffect, kNoState},
    ForeignFlag{"--shape", kModel},
    ForeignFlag{"--source_model", kImpossible, kPulled},
    ForeignFlag{"--stateful", kModel, "", true},
    ForeignFlag{"--target_device", kModel},
    ForeignFlag{"--trace_path", kNoEffect, "--trace-to sends spans to a collector"},
};

using Given = std::map<std::string_view, std::string>;  // by the flag's name; the last one counts

Status wrong_value(std::string_view name, std::string_view expected, std::string_view found) {
  return invalid_argument(
      fmt::format("{}: expected {}, found '{}'", name, expected, found.substr(0, 80)));
}

// --- what was given ------------------------------------------------------------------------------

Status unknown_flag(std::string_view given) {
  std::vector<std::string_view> names;
  for (const ForeignFlag& flag : kForeignFlags) names.push_back(flag.name);
  return invalid_argument(
      fmt::format("unknown flag '{}': accel's own have hyphens, not underscores (accel serve "
                  "--help), and OpenVINO Model Server has none of that name{}",
                  given.substr(0, 80), did_you_mean(given, names)));
}

// The flags of OVMS out of `arguments`; the rest goes to `own`.
Result<Given> take_foreign(const std::vector<std::string>& arguments,
                           std::vector<std::string>& own) {
  Given given;
  for (auto at = arguments.begin(); at != arguments.end(); ++at) {
    if (*at == "--") {
      own.insert(own.end(), at, arguments.end());
      break;
    }
    const size_t equals = at->find('=');
    const std::string_view name = std::string_view(*at).substr(0, equals);
    const auto flag = std::ranges::find(kForeignFlags, name, &ForeignFlag::name);
    if (flag == kForeignFlags.end()) {
      if (name.starts_with("--") && name.find('_') != std::string_view::npos) {
        return unknown_flag(name);
      }
      own.push_back(*at);
    } else if (equals != std::string::npos) {
      given[flag->name] = at->substr(equals + 1);
    } else if (flag->boolean) {
      given[flag->name] = "true";
    } else if (at + 1 == arguments.end()) {
      return invalid_argument(fmt::format("{}: expected a value, found none", name));
    } else {
      given[flag->name] = *++at;
    }
  }
  return given;
}

Result<uint64_t> number_of(const Given& given, std::string_view name, uint64_t otherwise,
                           uint64_t most) {
  const auto found = given.find(name);
  if (found == given.end()) return otherwise;
  uint64_t number = 0;
  const std::string& text = found->second;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && rest == text.data() + text.size() && number <= most) return number;
  return wrong_value(name, fmt::format("a whole number from 0 to {}", most), text);
}

Result<bool> boolean_of(std::string_view name, const std::string& text) {
  if (text == "true" || text == "false") return text == "true";
  return wrong_value(name, "true or false", text);
}

// --- where to listen -----------------------------------------------------------------------------

std::string address_of(const Given& given, std::string_view flag, uint64_t port) {
  const auto found = given.find(flag);
  const std::string address = found == given.end() ? "127.0.0.1" : found->second;
  const bool bracketed = address.find(':') != std::string::npos && !address.starts_with('[');
  return fmt::format("{}{}{}:{}", bracketed ? "[" : "", address, bracketed ? "]" : "", port);
}

Status check_listening(const Given& given, const Translated& translated) {
  for (const char* name : {"--http", "--grpc"}) {
    const auto own = std::ranges::find_if(translated.arguments, [name](std::string_view one) {
      return one.substr(0, one.find('=')) == name;
    });
    if (own == translated.arguments.end()) continue;
    return invalid_argument(fmt::format(
        "{}: expected none beside --port and --rest_port, which say where to listen", name));
  }
  for (const char* name : {"--grpc_bind_address", "--rest_bind_address"}) {
    const auto found = given.find(name);
    if (found == given.end() || found->second.find_first_of(", ") == std::string::npos) continue;
    return wrong_value(name, "one address", found->second);
  }
  return {};
}

Status listen(const Given& given, Translated& translated) {
  constexpr uint64_t kPortsMax = 65535;
  ACCEL_ASSIGN(const uint64_t grpc, number_of(given, "--port", 0, kPortsMax));
  ACCEL_ASSIGN(const uint64_t rest, number_of(given, "--rest_port", 0, kPortsMax));
  for (const auto& [flag, port] :
       {std::pair("--grpc_bind_address", grpc), std::pair("--rest_bind_address", rest)}) {
    if (port == 0 && given.contains(flag)) {
      translated.notices.push_back(
          fmt::format("{}: has no effect without {}", flag,
                      flag == std::string_view("--grpc_bind_address") ? "--port" : "--rest_port"));
    }
  }
  if (grpc == 0 && rest == 0) return {};
  ACCEL_TRY(check_listening(given, translated));
  if (grpc == rest)
    return wrong_value("--port", "another one than --rest_port", given.at("--port"));
  const std::string grpc_address = address_of(given, "--grpc_bind_address", grpc);
  const std::string rest_address = address_of(given, "--rest_bind_address", rest);
  const auto add = [&](std::string flag, std::string value) {
    // Before a "--", which may be among the arguments.
    translated.arguments.insert(translated.arguments.begin(), {std::move(flag), std::move(value)});
  };
  if (grpc != 0 && rest != 0) {
    add("--grpc", grpc_address);
    add("--http", rest_address);
  } else {
    add("--http", rest != 0 ? rest_address : grpc_address);
    translated.notices.push_back(fmt::format("{}: this port takes HTTP and gRPC, as all of accel's",
                                             rest != 0 ? "--rest_port" : "--port"));
  }
  std::vector<std::string_view> unbound;
  if (grpc != 0 && !given.contains("--grpc_bind_address")) unbound.emplace_back("--port");
  if (rest != 0 && !given.contains("--rest_bind_address")) unbound.emplace_back("--rest_port");
  for (const std::string_view flag : unbound) {
    translated.notices.push_back(fmt::format(
        "{}: at 127.0.0.1 alone, where OpenVINO Model Server listens at all addresses; for that, "
        "{} 0.0.0.0 with --keys and --tls-certificate, or with --public",
        flag, flag == "--port" ? "--grpc_bind_address" : "--rest_bind_address"));
  }
  return {};
}

// --- what holds for all models -------------------------------------------------------------------

Status set_log_level(const Given& given, Translated& translated) {
  const auto found = given.find("--log_level");
  if (found == given.end()) return {};
  constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kLevels{
      {{"TRACE", "debug"},
       {"DEBUG", "debug"},
       {"INFO", "info"},
       {"WARNING", "warning"},
       {"ERROR", "error"}}};
  const auto level = std::ranges::find(kLevels, found->second,
                                       &std::pair<std::string_view, std::string_view>::first);
  if (level == kLevels.end()) {
    return wrong_value("--log_level", "TRACE, DEBUG, INFO, WARNING or ERROR", found->second);
  }
  translated.log_level = level->second;
  return {};
}

Status serve_flags(const Given& given, Translated& translated) {
  ACCEL_TRY(listen(given, translated));
  ACCEL_TRY(set_log_level(given, translated));
  constexpr uint64_t kSecondsMax = 86400;
  ACCEL_ASSIGN(const uint64_t seconds,
               number_of(given, "--file_system_poll_wait_seconds", 1, kSecondsMax));
  translated.look_seconds = static_cast<double>(seconds);
  if (const auto cache = given.find("--cache_dir"); cache != given.end()) {
    translated.settings.push_back({"cache_dir", cache->second, "--cache_dir"});
  }
  for (const auto& [foreign, own] : {std::pair("--allowed_origins", "--origins"),
                                     std::pair("--allowed_media_domains", "--input-hosts"),
                                     std::pair("--allowed_local_media_path", "--input-files")}) {
    const auto found = given.find(foreign);
    if (found == given.end()) continue;
    translated.arguments.insert(translated.arguments.begin(), {own, found->second});
  }
  if (const auto metrics = given.find("--metrics_enable"); metrics != given.end()) {
    ACCEL_ASSIGN(const bool enabled, boolean_of("--metrics_enable", metrics->second));
    if (!enabled) {
      translated.notices.emplace_back(
          "--metrics_enable: has no effect: /metrics is answered in any case, with --admin at an "
          "address of its own");
    }
  }
  return {};
}

// --- the single model ----------------------------------------------------------------------------

// A flag's text as its member in a config.json: an object where it is one, a number, else a text.
Result<Json> member_of(const ForeignFlag& flag, const std::string& text) {
  if (flag.boolean) {
    ACCEL_ASSIGN(const bool value, boolean_of(flag.name, text));
    return Json(value);
  }
  if (!text.starts_with('{')) return Json(text);
  Result<Json> parsed = parse_json(text);
  if (!parsed.ok()) return parsed.status().with_context(flag.name);
  return parsed;
}

Status set_model(const Given& given, Translated& translated) {
  Json entry = Json::object();
  std::string_view first;
  for (const auto& [name, text] : given) {
    const ForeignFlag& flag = *std::ranges::find(kForeignFlags, name, &ForeignFlag::name);
    if (flag.meaning != kModel) continue;
    if (first.empty()) first = name;
    ACCEL_ASSIGN(Json value, member_of(flag, text));
    entry[std::string(flag.instead.empty() ? name.substr(2) : flag.instead)] = std::move(value);
  }
  if (first.empty()) return {};
  if (!translated.config_path.empty()) {
    return invalid_argument(
        fmt::format("{}: expected none beside --config_path, whose file has the models", first));
  }
  for (const char* name : {"--model_name", "--model_path"}) {
    if (!given.contains(name) || given.at(name).empty()) {
      return invalid_argument(fmt::format("{}: expected --model_name and --model_path beside it, "
                                          "found no {}",
                                          first, name));
    }
  }
  ACCEL_ASSIGN(translated.model, read_entry(entry, "--", translated.notices));
  return {};
}

}  // namespace

Result<Translated> translate_flags(const std::vector<std::string>& arguments) {
  Translated translated;
  ACCEL_ASSIGN(const Given given, take_foreign(arguments, translated.arguments));
  if (given.empty()) return translated;
  for (const auto& [name, text] : given) {
    const ForeignFlag& flag = *std::ranges::find(kForeignFlags, name, &ForeignFlag::name);
    if (flag.meaning == kImpossible) {
      return unimplemented(fmt::format("{}: expected none: {}", name, flag.instead));
    }
    if (flag.meaning == kNoEffect) {
      translated.notices.push_back(fmt::format("{}: has no effect: {}", name, flag.instead));
    }
  }
  if (const auto config = given.find("--config_path"); config != given.end()) {
    if (config->second.empty()) return wrong_value("--config_path", "a file", "");
    translated.config_path = config->second;
  }
  ACCEL_TRY(set_model(given, translated));
  ACCEL_TRY(serve_flags(given, translated));
  return translated;
}

}  // namespace accel::ovms
