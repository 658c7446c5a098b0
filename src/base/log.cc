#include "base/log.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/suggestion.h"

namespace accel {
namespace {

constexpr std::string_view kAllParts = "accel";
constexpr std::array<std::string_view, kLogParts> kPartNames{
    "accel.engine", "accel.backend", "accel.cache", "accel.fallback", "accel.converter"};
constexpr std::array<std::string_view, 5> kLevelNames{"debug", "info", "warning", "error", "off"};

std::string_view trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(' ');
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(' ') - begin + 1);
}

Result<LogLevel> level_of(std::string_view text) {
  const auto found = std::ranges::find(kLevelNames, text);
  if (found != kLevelNames.end()) return static_cast<LogLevel>(found - kLevelNames.begin());
  return invalid_argument(fmt::format("expected a level of {}, found '{}'{}",
                                      fmt::join(kLevelNames, ", "), text,
                                      did_you_mean(text, kLevelNames)));
}

// The place of a part in kPartNames; none: all of them.
Result<std::optional<size_t>> part_called(std::string_view name) {
  if (name == kAllParts) return std::optional<size_t>();
  for (size_t i = 0; i < kLogParts; ++i) {
    const std::string_view last = kPartNames[i].substr(kAllParts.size() + 1);
    if (name == kPartNames[i] || name == last) return std::optional(i);
  }
  return invalid_argument(fmt::format("expected a name of {}, {}, found '{}'{}",
                                      fmt::join(kPartNames, ", "), kAllParts, name,
                                      did_you_mean(name, kPartNames)));
}

}  // namespace

std::string_view name_of(LogPart part) { return kPartNames[static_cast<size_t>(part)]; }

std::string_view to_string(LogLevel level) { return kLevelNames[static_cast<size_t>(level)]; }

Result<LogLevels> parse_log_levels(std::string_view text) {
  LogLevel of_all = LogLevel::kInfo;
  std::array<std::optional<LogLevel>, kLogParts> own;
  while (!text.empty()) {
    const size_t comma = std::min(text.find(','), text.size());
    const std::string_view one = trimmed(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
    if (one.empty()) continue;
    const size_t equals = one.find('=');
    const bool alone = equals == std::string_view::npos;
    const Result<LogLevel> level = level_of(alone ? one : one.substr(equals + 1));
    if (!level.ok()) return level.status();
    const auto part = part_called(alone ? kAllParts : one.substr(0, equals));
    if (!part.ok()) return part.status();
    if (*part) {
      own[**part] = *level;
    } else {
      of_all = *level;
    }
  }
  LogLevels levels{};
  for (size_t i = 0; i < kLogParts; ++i) levels[i] = own[i].value_or(of_all);
  return levels;
}

Result<std::shared_ptr<const Log>> Log::create(const LogOptions& options) {
  const Result<LogLevels> levels = parse_log_levels(options.levels);
  if (!levels.ok()) return levels.status().with_context("the log's levels");
  return std::shared_ptr<const Log>(new Log(options.sink, *levels));
}

const std::shared_ptr<const Log>& Log::silent() {
  static const std::shared_ptr<const Log> kSilent(new Log(nullptr, {}));
  return kSilent;
}

bool Log::says(LogLevel level, LogPart part) const {
  return sink_ != nullptr && level != LogLevel::kOff && level >= levels_[static_cast<size_t>(part)];
}

void Log::write(LogLevel level, LogPart part, std::string_view text) const {
  if (!says(level, part)) return;
  try {
    sink_({.level = level, .name = name_of(part), .text = text});
  } catch (...) {  // NOLINT(bugprone-empty-catch): the sink's own trouble, and nobody to tell
  }
}

}  // namespace accel
