#include "cli/wire.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <system_error>
#include <utility>

#include "base/files.h"
#include "base/log.h"
#include "base/try.h"
#include "cli/console.h"
#include "store/facts.h"

namespace accel::cli {
namespace {

// $ACCEL_LOG=accel.cache=debug,...: lines on standard error.
LogOptions log_of_environment() {
  const char* levels = std::getenv("ACCEL_LOG");
  if (levels == nullptr || *levels == '\0') return {};
  if (const auto parsed = parse_log_levels(levels); !parsed.ok()) {
    notice(parsed.status().with_context("ACCEL_LOG").message());
    return {};
  }
  return log_of(levels);
}

}  // namespace

LogOptions log_of(const std::string& levels) {
  return {.sink =
              [](const LogLine& line) {
                notice(fmt::format("{}: {}: {}", line.name, to_string(line.level), line.text));
              },
          .levels = levels};
}

Result<Config> read_config(const std::string& file, std::vector<ConfigSetting> settings,
                           const std::string& profile_file) {
  ConfigSources sources{.profile_file = profile_file, .settings = std::move(settings)};
  if (file != "none") sources.file = file.empty() ? Config::find_file() : file;
  // A relative path that nobody named lies in the current folder.
  const char* named = std::getenv("ACCEL_CONFIG");
  sources.programs = !file.empty() || (named != nullptr && *named != '\0') ||
                     std::filesystem::path(sources.file).is_absolute();
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

EngineOptions engine_options(const Config& config, std::string_view simulated_devices) {
  EngineOptions options = config.engine_options();
  options.simulated_devices = simulated_names(simulated_devices);
  options.log = log_of_environment();
  return options;
}

Result<std::unique_ptr<Engine>> make_engine(std::string_view simulated_devices) {
  ACCEL_ASSIGN(const Config config, read_config("", {}));
  return Engine::create(engine_options(config, simulated_devices));
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
