// The text of --rules: parsed, written and parsed again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "accel/content_rule.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto rules = accel::parse_content_rules({reinterpret_cast<const char*>(data), size});
  if (!rules.ok()) return 0;
  const auto again = accel::parse_content_rules(accel::to_string(*rules));
  // Writing can make a text longer than what is read, never another one.
  if (again.ok() && *again != *rules) std::abort();
  return 0;
}
