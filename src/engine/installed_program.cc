#include "engine/installed_program.h"

#include <dlfcn.h>
#include <unistd.h>

#include <array>

namespace accel::engine {

namespace fs = std::filesystem;

std::optional<fs::path> find_installed_program(std::string_view name) {
  Dl_info here{};
  if (dladdr(reinterpret_cast<const void*>(&find_installed_program), &here) == 0) {
    return std::nullopt;
  }
  std::error_code error;
  const fs::path folder = fs::canonical(here.dli_fname, error).parent_path();
  for (const char* place : {".", "accel", "../lib/accel"}) {
    fs::path candidate = folder / place / name;
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return std::nullopt;
}

}  // namespace accel::engine
