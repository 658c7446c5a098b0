// Which parts of accel say more than they must, on standard error: $ACCEL_LOG=NAME=LEVEL,...
//
//   ACCEL_LOG=accel.engine=debug accel embed model 'a text'
//   accel: accel.engine: debug: device CPU by openvino, requested
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "accel/status.h"

namespace accel::cli {

enum class LogLevel { kInfo, kDebug };

// What decides about devices, precisions, kernels, the cache and fallbacks.
inline constexpr std::string_view kEngineLog = "accel.engine";

// "accel.engine=debug"; "debug" alone, or "accel=debug", is for all. INVALID_ARGUMENT names what is
// no level (debug, info) or no part. Pure.
Result<std::map<std::string, LogLevel, std::less<>>> parse_log_levels(std::string_view text);

// Of $ACCEL_LOG; what cannot be read there is as if it were not, and said once.
bool says_debug(std::string_view name);

// A debug line of `name`, as a notice, where that is wanted.
void log_debug(std::string_view name, std::string_view text);

}  // namespace accel::cli
