// The one place that constructs what the commands work with.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "accel/config.h"
#include "accel/engine.h"

namespace accel::cli {

// The options of this process: those of `file` (empty: Config::find_file(); "none": no file), of
// the environment, of `profile_file` (empty: none), and `settings`, the strongest.
Result<Config> read_config(const std::string& file, std::vector<ConfigSetting> settings,
                           const std::string& profile_file = {});

// The value of --simulate-device, "GPU.1,NPU".
std::vector<std::string> simulated_names(std::string_view text);

// What the engine of a command is made with: the settings of `config`, and a log on standard error
// as $ACCEL_LOG says (accel/log.h).
EngineOptions engine_options(const Config& config, std::string_view simulated_devices = {});

// Lines of these levels on standard error.
LogOptions log_of(const std::string& levels);

// The engine of this process, with its settings from file and environment. Loads no plug-in and
// looks for no device: that happens when it is asked. Commands that measure leave
// `simulated_devices` out.
Result<std::unique_ptr<Engine>> make_engine(std::string_view simulated_devices = {});

// Where that engine keeps what it remembers.
Result<std::filesystem::path> cache_folder();

// What is installed beside the program: <prefix>/share/accel for <prefix>/bin/accel.
Result<std::filesystem::path> share_folder();

}  // namespace accel::cli
