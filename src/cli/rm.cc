// accel rm: deletes a pulled model, or one revision of it.
#include <fmt/format.h>

#include <chrono>
#include <string>
#include <vector>

#include "base/suggestion.h"
#include "base/try.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/installation.h"
#include "cli/table.h"
#include "hub/aliases.h"
#include "hub/hub_cache.h"
#include "hub/settings.h"

namespace accel::cli {
namespace {

constexpr std::chrono::seconds kRemoveWait{10};

// An alias is a name of something: to delete that by it would surprise.
Status refuse_alias(const hub::Places& where, const std::string& name) {
  ACCEL_ASSIGN(const std::string target, hub::Aliases(where.aliases).resolve(name));
  if (target == name) return {};
  return invalid_argument(
      fmt::format("'{}' is an alias of {}: expected the name of a pulled model; "
                  "accel alias --remove {} deletes the alias, accel rm {} the "
                  "model",
                  name, target, name, target));
}

// What the cache has, for a name that it has not.
std::string known_names(const hub::Places& where, const std::string& name) {
  const std::vector<hub::CachedModel> models = hub::cached_models(where.cache);
  std::vector<std::string_view> names;
  std::string namesakes;
  for (const hub::CachedModel& model : models) {
    names.push_back(model.name);
    if (!model.name.ends_with("/" + name)) continue;
    namesakes += (namesakes.empty() ? "" : " or ") + model.name;
  }
  return namesakes.empty() ? did_you_mean(name, names) : "; did you mean " + namesakes + "?";
}

}  // namespace

Status run_rm(const Command& command, const Arguments& arguments) {
  std::string given;
  bool json = false;
  Flags flags(command);
  flags.argument("MODEL", &given, "org/name as accel list shows it, or org/name@REVISION");
  flags.flag("--json", &json, "for programs");
  flags.example("accel rm org/name@main");
  ACCEL_ASSIGN(const bool help_shown, flags.parse(arguments));
  if (help_shown) return {};
  const hub::Places where = hub::user_places();
  ACCEL_TRY(refuse_alias(where, given));
  ACCEL_ASSIGN(const hub::ModelName name, hub::parse_model_name(given));
  const auto removal = hub::remove_model(where.cache, name, kRemoveWait);
  if (!removal.ok()) {
    const Status& status = removal.status();
    if (status.code() != StatusCode::kNotFound || !name.revision.empty()) return status;
    return not_found(status.message() + known_names(where, name.repository));
  }
  if (json) {
    return print(json_text({{"model", name.repository},
                            {"revisions", removal->commits},
                            {"bytes_freed", removal->bytes},
                            {"whole", removal->whole}}));
  }
  return print(fmt::format("{}: {} of its revisions deleted{}, {} freed\n", name.repository,
                           removal->commits.size(), removal->whole ? ", the model is gone" : "",
                           human_bytes(removal->bytes)));
}

}  // namespace accel::cli
