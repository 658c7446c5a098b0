#include "cli/wire.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include "base/files.h"
#include "base/try.h"
#include "store/facts.h"

namespace accel::cli {

Result<Config> read_config(const std::string& file, std::vector<ConfigSetting> settings,
                           const std::string& profile_file) {
  ConfigSources sources{.profile_file = profile_file, .settings = std::move(settings)};
  if (file != "none") sources.file = file.empty() ? Config::find_file() : file;
  return Config::read(sources);
}

std::vector<std::string> simulated_names(std::string_view text) {
  std::vector<std::string> names;
  while (!text.empty()) {
    names.emplace_back(text.substr(0, text.find(',')));
    text.remove_prefix(std::min(names.back().size() + 1, text.size()));
  }
  return names;
}

Result<std::unique_ptr<Engine>> make_engine(std::string_view simulated_devices) {
  ACCEL_ASSIGN(const Config config, read_config("", {}));
  EngineOptions options = config.engine_options();
  options.simulated_devices = simulated_names(simulated_devices);
  return Engine::create(options);
}

Result<std::filesystem::path> cache_folder() {
  ACCEL_ASSIGN(const Config config, read_config("", {}));
  std::filesystem::path folder = config.engine_options().cache_dir;
  if (!folder.empty()) return folder;
  return store::default_cache_dir();
}

Result<std::filesystem::path> share_folder() {
  std::error_code error;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return errno_status(error.value(), "finding", "the program's own folder");
  return program.parent_path().parent_path() / "share" / "accel";
}

}  // namespace accel::cli
