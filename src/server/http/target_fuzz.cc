// Whatever the text, a target is refused or begins with "/" and has no segment that leads up.
#include "server/http/target.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto target = accel::http::parse_target(text);
  if (target.ok()) {
    const std::string& path = target->path;
    const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
    if (!path.starts_with('/') || std::ranges::any_of(path, control)) std::abort();
    if ((path + "/").find("/../") != std::string::npos) std::abort();
    if (path.size() + target->query.size() > size) std::abort();
  }
  const auto pairs = accel::http::parse_query(text);
  if (pairs.ok() && pairs->size() > size) std::abort();
  return 0;
}
