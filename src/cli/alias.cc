// accel alias: short names for models.
#include <fmt/format.h>

#include <filesystem>
#include <map>
#include <string>

#include "base/try.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/installation.h"
#include "cli/table.h"
#include "hub/aliases.h"
#include "hub/locate.h"

namespace accel::cli {
namespace {

Status list_aliases(const hub::Aliases& aliases, const hub::Places& where, bool json) {
  ACCEL_ASSIGN(const auto all, aliases.read());
  if (json) {
    OrderedJson out{{"file", aliases.file().string()}, {"aliases", OrderedJson::object()}};
    for (const auto& [name, target] : all) out["aliases"][name] = target;
    return print(json_text(out));
  }
  if (all.empty()) return print("no aliases in " + printable(aliases.file().string()) + "\n");
  Table table;
  for (const auto& [name, target] : all) {
    const bool found = hub::locate_model(name, where).ok();
    table.add({name, target, found ? "" : "not here"});
  }
  return print(table.text());
}

// A path that is there is kept whole: the alias works from any folder.
std::string lasting(const std::string& target) {
  std::error_code error;
  if (!std::filesystem::exists(target, error)) return target;
  const auto absolute = std::filesystem::absolute(target, error).lexically_normal();
  return error ? target : absolute.string();
}

}  // namespace

Status run_alias(const Command& command, const Arguments& arguments) {
  std::string name;
  std::string target;
  std::string removed;
  bool json = false;
  Flags flags(command);
  flags.optional_argument("NAME", &name, "the short name; without one, all are listed");
  flags.optional_argument("TARGET", &target, "a path, org/name[@revision], or another alias");
  flags.text("--remove", "NAME", &removed, "forget this one");
  flags.flag("--json", &json, "for programs, with the list");
  flags.example("accel alias mini sentence-transformers/all-MiniLM-L6-v2");
  flags.example("accel alias --remove mini");
  ACCEL_ASSIGN(const bool help_shown, flags.parse(arguments));
  if (help_shown) return {};
  const hub::Places where = hub::user_places();
  const hub::Aliases aliases(where.aliases);
  if (!removed.empty()) {
    if (!name.empty()) return invalid_argument("--remove: expected no further argument");
    ACCEL_TRY(aliases.remove(removed));
    return print(fmt::format("{} is no alias any more\n", removed));
  }
  if (name.empty()) return list_aliases(aliases, where, json);
  if (target.empty()) {
    return invalid_argument(
        fmt::format("expected a TARGET for '{}'; see accel alias --help", printable(name)));
  }
  const std::string kept = lasting(target);
  ACCEL_TRY(aliases.set(name, kept));
  const auto found = hub::locate_model(name, where);
  if (!found.ok()) notice(found.status().message());
  return print(fmt::format("{} is {}\n", name, printable(kept)));
}

}  // namespace accel::cli
