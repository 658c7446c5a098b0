// What changes when a server's models are read anew. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "accel/config.h"
#include "accel/model_manager.h"
#include "cli/file_looks.h"

namespace accel::cli {

struct ServedDefinition {
  ModelDefinition definition;
  bool argument = false;   // of the command, not of a file
  bool versioned = false;  // one of several versions, perhaps: called "name:version" here

  bool operator==(const ServedDefinition&) const = default;
};

// What a server is to serve, by its arguments and files.
struct ServedSetup {
  std::vector<ServedDefinition> models;  // each name once; of one that is versioned, each version
  std::vector<ModelAlias> aliases;       // likewise
  // Options that hold for the whole process, with their values: they change with a start only.
  std::map<std::string, std::string> fixed = {};
  ManagerOptions manager = {};
  FileLooks files = {};                   // that it comes from, before they were read
  std::vector<std::string> notices = {};  // for whoever started the server
};

// Those of `config` for ServedSetup::fixed.
std::map<std::string, std::string> fixed_options(const Config& config);

enum class ReloadKind : uint8_t {
  kAdd,      // a model
  kReplace,  // a model whose settings changed
  kRemove,
  kAlias,  // new, or of another model
  kUnalias,
  kRestart,  // an option that this process cannot change any more
};

struct ReloadStep {
  ReloadKind kind;
  std::string name;  // of the model, perhaps with its version, the alias or the option

  bool operator==(const ReloadStep&) const = default;
};

// By kind, and within it in the order of `after`, or of `before` for what goes. Models and aliases
// that did not change are in no step.
std::vector<ReloadStep> plan_reload(const ServedSetup& before, const ServedSetup& after);

// For ModelManager::change(), all but kRestart.
ModelChanges changes_of(std::span<const ReloadStep> steps, const ServedSetup& after);

// "new: a, b; changed: c; gone: d; aliases: x"; "nothing has changed".
std::string told(std::span<const ReloadStep> steps);
// "cache_dir, models_max: hold from the next start on"; empty where there are none.
std::string told_of_restart(std::span<const ReloadStep> steps);

}  // namespace accel::cli
