// Whatever the bytes, the index is refused or every file that it names lies below its folder.
#include "models/checkpoint_index.h"

#include <cstdint>
#include <cstdlib>
#include <filesystem>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto index = accel::models::parse_checkpoint_index(text);
  if (!index.ok()) return 0;
  for (const auto& [tensor, file] : *index) {
    const std::filesystem::path path(file);
    if (path.empty() || path.is_absolute()) std::abort();
    for (const auto& part : path) {
      if (part == "..") std::abort();
    }
  }
  return 0;
}
