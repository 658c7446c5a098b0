#include "cli/wire.h"

#include <system_error>
#include <utility>

#include "base/files.h"
#include "base/try.h"
#include "store/facts.h"

namespace accel::cli {

Result<Config> read_config(const std::string& file, std::vector<ConfigSetting> settings) {
  ConfigSources sources{.settings = std::move(settings)};
  if (file != "none") sources.file = file.empty() ? Config::find_file() : file;
  return Config::read(sources);
}

Result<std::unique_ptr<Engine>> make_engine() {
  ACCEL_ASSIGN(const Config config, read_config("", {}));
  return Engine::create(config.engine_options());
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
