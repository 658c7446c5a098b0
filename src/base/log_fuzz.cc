// Whatever stands in $ACCEL_LOG, it is refused or gives every part a level.
#include <cstdint>
#include <cstdlib>

#include "base/log.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto levels = accel::parse_log_levels(text);
  if (!levels.ok()) return levels.status().message().empty() ? std::abort(), 0 : 0;
  for (const accel::LogLevel level : *levels) {
    if (level > accel::LogLevel::kOff) std::abort();
  }
  return 0;
}
