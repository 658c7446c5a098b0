// accel completion: scripts for shells, and what they ask the program while one types.
#include <set>
#include <string>
#include <vector>

#include "base/try.h"
#include "cli/commands.h"
#include "cli/completion_script.h"
#include "cli/console.h"
#include "cli/table.h"
#include "cli/wire.h"
#include "hub/aliases.h"
#include "hub/hub_cache.h"
#include "hub/locate.h"

namespace accel::cli {
namespace {

// Those that have names: aliases, pulled ones and those of the configuration. What cannot be read
// is left out: nobody looks at an error while typing.
std::string names_of_models() {
  std::set<std::string> names;
  const hub::Places where = hub::user_places();
  if (const auto aliases = hub::Aliases(where.aliases).read(); aliases.ok()) {
    for (const auto& [name, target] : *aliases) names.insert(name);
  }
  for (const hub::CachedModel& model : hub::cached_models(where.cache)) names.insert(model.name);
  if (const auto config = read_config("", {}); config.ok()) {
    for (const std::string& name : config->models()) names.insert(name);
  }
  std::string text;
  for (const std::string& name : names) text += printable(name) + "\n";
  return text;
}

}  // namespace

Status run_completion(const Command& command, const Arguments& arguments) {
  std::string shell;
  Flags flags(command);
  flags.argument(
      "SHELL", &shell,
      "bash, zsh or fish: the script for it. models: the names that these scripts offer");
  flags.words({"bash", "fish", "models", "zsh"});
  flags.example("source <(accel completion bash)");
  flags.example("accel completion zsh > ~/.zfunc/_accel");
  flags.example("accel completion fish > ~/.config/fish/completions/accel.fish");
  ACCEL_ASSIGN(const bool help_shown, flags.parse(arguments));
  if (help_shown) return {};
  if (shell == "models") return print(names_of_models());
  ACCEL_ASSIGN(const std::vector<CommandDescription> commands, describe_commands());
  if (shell == "bash") return print(bash_completion(commands));
  if (shell == "zsh") return print(zsh_completion(commands));
  if (shell == "fish") return print(fish_completion(commands));
  return invalid_argument("expected bash, zsh, fish or models, found '" + printable(shell) + "'");
}

}  // namespace accel::cli
