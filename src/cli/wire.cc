#include "cli/wire.h"

#include <algorithm>
#include <system_error>

#include "base/files.h"

namespace accel::cli {

Result<std::unique_ptr<Engine>> make_engine(std::string_view simulated_devices) {
  EngineOptions options;
  while (!simulated_devices.empty()) {
    const std::string_view name = simulated_devices.substr(0, simulated_devices.find(','));
    options.simulated_devices.emplace_back(name);
    simulated_devices.remove_prefix(std::min(name.size() + 1, simulated_devices.size()));
  }
  return Engine::create(options);
}

Result<std::filesystem::path> share_folder() {
  std::error_code error;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return errno_status(error.value(), "finding", "the program's own folder");
  return program.parent_path().parent_path() / "share" / "accel";
}

}  // namespace accel::cli
