#include "cli/log_levels.h"

#include <fmt/format.h>

#include <cstdlib>
#include <functional>

#include "cli/console.h"
#include "cli/task_input.h"

namespace accel::cli {
namespace {

using LogLevels = std::map<std::string, LogLevel, std::less<>>;

Result<LogLevel> parse_level(std::string_view text) {
  if (text == "debug") return LogLevel::kDebug;
  if (text == "info") return LogLevel::kInfo;
  return invalid_argument(fmt::format("expected a level of debug, info, found '{}'", text));
}

const LogLevels& wanted_levels() {
  static const LogLevels levels = [] {
    const char* text = std::getenv("ACCEL_LOG");
    auto parsed = parse_log_levels(text == nullptr ? "" : text);
    if (parsed.ok()) return std::move(*parsed);
    notice(parsed.status().with_context("ACCEL_LOG").message());
    return LogLevels();
  }();
  return levels;
}

}  // namespace

Result<LogLevels> parse_log_levels(std::string_view text) {
  LogLevels levels;
  for (const std::string& one : split_at_commas(text)) {
    const size_t equals = one.find('=');
    const bool alone = equals == std::string::npos;
    const Result<LogLevel> level = parse_level(alone ? one : one.substr(equals + 1));
    if (!level.ok()) return level.status();
    std::string name = alone ? "accel" : one.substr(0, equals);
    if (name == "accel") name = std::string(kEngineLog);
    if (name != kEngineLog) {
      return invalid_argument(
          fmt::format("expected a name of {}, accel, found '{}'", kEngineLog, name));
    }
    levels[name] = *level;
  }
  return levels;
}

bool says_debug(std::string_view name) {
  const auto level = wanted_levels().find(name);
  return level != wanted_levels().end() && level->second == LogLevel::kDebug;
}

void log_debug(std::string_view name, std::string_view text) {
  if (says_debug(name)) notice(fmt::format("{}: debug: {}", name, text));
}

}  // namespace accel::cli
