// The flags of every command that loads a model, over what file and environment say.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "accel/config.h"
#include "accel/engine.h"
#include "cli/flags.h"

namespace accel::cli {

// What is empty (or -1) was not given: then the configuration's value holds.
struct ModelFlags {
  std::string model = "default";  // hub::kDefaultName
  std::string precision;
  std::string backend;
  std::string kernels;
  std::string device;
  std::string hint;
  std::string isolation;
  std::string rules;
  int64_t streams = -1;
  int64_t threads = -1;
  int64_t batch_tokens = -1;
  int64_t batch_rows = -1;
  std::string hang_seconds;
  std::string memory_cap;
  std::string use_optimum;
  bool no_cache = false;
  bool local = false;
  bool fallback = false;
  bool no_fallback = false;
  std::string simulate_device;  // for make_engine(); measuring commands do not pass it on
  std::string simulate_fault;   // likewise
  std::string task;             // declared by the commands that have a choice
  std::string config_file;      // "none": no file
  std::string profile_file;
  std::string warm_up;
  std::string input_hosts;             // declared by accel serve
  std::string input_files;             // likewise
  bool profile = false;                // set by the command that needs it
  std::vector<ConfigSetting> further;  // weaker than those above
  std::string log_levels;              // where $ACCEL_LOG says nothing (accel/log.h)

  // Declares MODEL, which may be left out, and the flags.
  void declare(Flags& flags);
  // Only the flags.
  void declare_options(Flags& flags);

  // The first flag given that says how a model is loaded: "--precision"; empty: none was.
  std::string loading_flag() const;
  // File, environment and these flags. INVALID_ARGUMENT names the flag, or the file and its line.
  Result<Config> config() const;
  // How to load the model: what load() does. `config` is config()'s.
  Result<LoadOptions> options(const Config& config, Use use) const;
  Result<LoadOptions> options(Use use) const;
  // The engine with the cache folder of the configuration.
  Result<std::unique_ptr<Engine>> make_engine() const;
  // The errors of config() and Engine::load(); FAILED_PRECONDITION for --simulate-device and
  // --simulate-fault with an engine that was not told of them.
  Result<std::shared_ptr<Model>> load(Engine& engine, Use use) const;

 private:
  void declare_sizes(Flags& flags);             // hint, streams, threads, batches, memory
  std::vector<ConfigSetting> settings() const;  // of the flags that were given
};

// The flag whose value make_engine() takes.
void declare_simulate_device(Flags& flags, std::string* value);

// "auto", "true" or "false": the choices of --use-optimum.
void declare_use_optimum(Flags& flags, std::string* value);
UseOptimum parse_use_optimum(std::string_view value);

}  // namespace accel::cli
