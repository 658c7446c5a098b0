// The log of one engine: levels of its parts, and the caller's sink. See accel/log.h.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "accel/log.h"
#include "accel/status.h"

namespace accel {

enum class LogPart : uint8_t { kEngine, kBackend, kCache, kFallback, kConverter };
constexpr size_t kLogParts = 5;

// "accel.engine"
std::string_view name_of(LogPart part);
std::string_view to_string(LogLevel level);

// The least level of each part that is said.
using LogLevels = std::array<LogLevel, kLogParts>;

// LogOptions::levels. INVALID_ARGUMENT names what is no level or no part. Pure.
Result<LogLevels> parse_log_levels(std::string_view text);

// Immutable; safe from any thread.
class Log {
 public:
  // Errors as parse_log_levels().
  static Result<std::shared_ptr<const Log>> create(const LogOptions& options);
  // Says nothing.
  static const std::shared_ptr<const Log>& silent();

  // For texts that are worth making only where they are said.
  bool says(LogLevel level, LogPart part) const;
  void write(LogLevel level, LogPart part, std::string_view text) const;

 private:
  Log(LogSink sink, LogLevels levels) : sink_(std::move(sink)), levels_(levels) {}
  const LogSink sink_;
  const LogLevels levels_;
};

}  // namespace accel
