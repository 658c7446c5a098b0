// Config: the options of accel from files, the environment and code, merged into what counts.
//
//   auto config = accel::Config::read({.file = "config/backend.yaml"});
//   auto engine = accel::Engine::create(config->engine_options());
//   auto model = (*engine)->load(*config->load_options("gpt2"));
//
// From the strongest: what code says of one model, what code says of all, a profile file, the
// environment (ACCEL_DEVICE ...), what the file says of one model, what it says of all, and the
// defaults.
// docs/reference/configuration.md lists the options.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "accel/engine.h"
#include "accel/model_manager.h"
#include "accel/status.h"

namespace accel {

// An option by any of its names, dotted: {"device", "AUTO"}, {"openvino.enable_fallback", "false"}.
struct ConfigSetting {
  std::string key;
  std::string value;
  std::string source = {};  // what is said of it; empty: "code"
};

struct ConfigSources {
  std::string file;  // YAML or JSON; empty: none
  // A second file, stronger than the environment and the other: what holds for one machine or one
  // use, as {precision: f16, memory_limit: 500M, optimization_level: memory}. Empty: none.
  std::string profile_file = {};
  std::vector<ConfigSetting> settings;  // of all models; anything may be left out
  std::map<std::string, std::vector<ConfigSetting>> models;  // of those called so
  bool environment = true;  // whether variables of the environment count
  // Whether the file's converters, which run programs, are taken. False for a file that was only
  // found in the current folder, which may be anybody's: PERMISSION_DENIED where it has some.
  bool programs = true;
};

struct EffectiveOption {
  std::string key;
  std::string value;   // in one form for each type: "f16", "true", "4294967296"; empty: none
  std::string source;  // "default", "config/backend.yaml:7", "ACCEL_DEVICE", "--device", "code"
  std::string note;    // why it has no effect here; empty: it has
};

// What one option is.
struct OptionReport {
  std::string key;
  std::string group;     // "backend", "engine", "plain", "model", "manager", "gpu"
  std::string expected;  // "true or false"
  std::string default_value;
  std::string help;
  std::vector<std::string> names;  // by which a file may call it, dotted; the usual one first
  std::string variable;            // of the environment; empty: none
  std::string flag;                // of the commands that load models; empty: none
  bool per_model = false;          // may stand in model_overrides
  bool for_all = false;            // may stand outside
};

// A value; copies share what was read. Safe from any thread.
class ACCEL_API Config {
 public:
  // The file that is meant where none is named: $ACCEL_CONFIG ("none": no file), else the first
  // that is there of config/backend.yaml and accel.yaml in the current folder, and config.yaml in
  // $ACCEL_CONFIG_DIR, else in $XDG_CONFIG_HOME/accel, else in ~/.config/accel. Empty: none.
  static std::string find_file();

  // INVALID_ARGUMENT for a key or value that is none, with its place and the nearest name;
  // NOT_FOUND for a file that is not there.
  static Result<Config> read(const ConfigSources& sources = {});

  // Every option in the order of the reference; of a model, with what is said of that alone.
  std::vector<EffectiveOption> effective(const std::string& model = {}) const;
  // How to load `model`, a name of model_overrides or anything that LoadOptions::path takes; empty:
  // the file's model_path, else the default model. `settings` hold for this call only and go before
  // all else. INVALID_ARGUMENT for settings that are none.
  Result<LoadOptions> load_options(const std::string& model = {},
                                   const std::vector<ConfigSetting>& settings = {}) const;
  // The same with what the manager is told beside: pinned, memory_bytes_max.
  Result<ModelDefinition> definition(const std::string& model,
                                     const std::vector<ConfigSetting>& settings = {}) const;
  ManagerOptions manager_options() const;
  EngineOptions engine_options() const;

  // Those of which something is said alone, sorted.
  std::vector<std::string> models() const;
  const std::string& file() const;  // that was read; empty: none

  static std::vector<OptionReport> options();
  // A file with every option as a comment: its meaning, values and default.
  static std::string commented_file();

 private:
  struct State;
  explicit Config(std::shared_ptr<const State> state) : state_(std::move(state)) {}
  std::shared_ptr<const State> state_;
};

// A manager with the file's bounds that knows config.models() by name; others can be defined with
// config.definition(). `engine` outlives it.
ACCEL_API Result<std::unique_ptr<ModelManager>> create_manager(Engine& engine,
                                                               const Config& config);

}  // namespace accel
