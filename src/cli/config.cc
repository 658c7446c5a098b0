// accel config: which options hold and where each comes from; files of options.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "accel/config.h"
#include "base/files.h"
#include "base/suggestion.h"
#include "base/try.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/installation.h"
#include "cli/model_flags.h"
#include "cli/table.h"
#include "cli/wire.h"
#include "hub/locate.h"

namespace accel::cli {
namespace {

struct ConfigRequest {
  ModelFlags flags;  // flags.model: what stands behind the action
  bool json = false;
};

OrderedJson as_json(const std::vector<EffectiveOption>& options) {
  auto list = OrderedJson::array();
  for (const EffectiveOption& one : options) {
    list.push_back(
        {{"key", one.key}, {"value", one.value}, {"source", one.source}, {"note", one.note}});
  }
  return list;
}

std::string readable(const std::vector<EffectiveOption>& options) {
  Table table;
  table.add({"option", "value", "from", ""});
  for (const EffectiveOption& one : options) {
    table.add({one.key, one.value.empty() ? "-" : one.value, one.source, one.note});
  }
  return table.text();
}

Status show(const ConfigRequest& request) {
  ACCEL_ASSIGN(const Config config, request.flags.config());
  const std::string model = request.flags.model == hub::kDefaultName ? "" : request.flags.model;
  const std::vector<EffectiveOption> options = config.effective(model);
  if (request.json) {
    return print(json_text({{"file", config.file()},
                            {"model", model},
                            {"models", config.models()},
                            {"options", as_json(options)}}));
  }
  std::string text =
      config.file().empty() ? "no file of options" : "file " + printable(config.file());
  if (!model.empty()) text += ", for " + printable(model);
  text += "\n\n" + readable(options);
  const std::vector<std::string> models = config.models();
  if (model.empty() && !models.empty()) {
    text += fmt::format("\nother values for: {} (accel config show MODEL)\n",
                        printable(fmt::format("{}", fmt::join(models, ", "))));
  }
  return print(text);
}

// What stands behind the action, where that is a file.
Result<std::string> file_of(const ConfigRequest& request, std::string_view action) {
  if (request.flags.model != hub::kDefaultName) return request.flags.model;
  return invalid_argument(fmt::format("accel config {}: expected a FILE behind it", action));
}

Status check(const ConfigRequest& request) {
  ACCEL_ASSIGN(const std::string file, file_of(request, "check"));
  ACCEL_ASSIGN(const Config config, Config::read({.file = file, .environment = false}));
  std::vector<EffectiveOption> said;
  for (const EffectiveOption& one : config.effective()) {
    if (one.source != "default") said.push_back(one);
  }
  if (request.json) {
    return print(json_text(
        {{"file", file}, {"ok", true}, {"models", config.models()}, {"options", as_json(said)}}));
  }
  std::string text =
      fmt::format("{}: all right; {} options for all models, and something of {} models alone\n",
                  printable(file), said.size(), config.models().size());
  for (const EffectiveOption& one : said) {
    if (one.note.empty()) continue;
    text += printable(fmt::format("{}: {}: {}", one.source, one.key, one.note)) + "\n";
  }
  return print(text);
}

Status init(const ConfigRequest& request) {
  const std::string text = Config::commented_file();
  if (request.flags.model == hub::kDefaultName) return print(text);
  const std::string& path = request.flags.model;
  std::error_code ignored;
  if (std::filesystem::exists(path, ignored)) {
    return already_exists(
        fmt::format("{} is there already; choose another name, or delete it", printable(path)));
  }
  ACCEL_ASSIGN(const auto file, AtomicFile::create(path));
  ACCEL_TRY(file->write(text));
  ACCEL_TRY(file->commit());
  return print(printable(path) + " written; take the # away from what you want\n");
}

Status list_options(const ConfigRequest& request) {
  auto list = OrderedJson::array();
  Table table;
  table.add({"option", "default", "variable", "flag", ""});
  for (const OptionReport& one : Config::options()) {
    list.push_back({{"key", one.key},
                    {"group", one.group},
                    {"expected", one.expected},
                    {"default", one.default_value},
                    {"help", one.help},
                    {"names", one.names},
                    {"variable", one.variable},
                    {"flag", one.flag},
                    {"per_model", one.per_model},
                    {"for_all", one.for_all}});
    table.add({one.key, one.default_value.empty() ? "-" : one.default_value,
               one.variable.empty() ? "-" : one.variable, one.flag.empty() ? "-" : one.flag,
               one.expected});
  }
  return print(request.json ? json_text(list) : table.text());
}

using ConfigAction = Status (*)(const ConfigRequest& request);
constexpr std::array<std::pair<std::string_view, ConfigAction>, 4> kConfigActions{
    {{"check", check}, {"init", init}, {"options", list_options}, {"show", show}}};

}  // namespace

Status run_config(const Command& command, const Arguments& arguments) {
  std::string action;
  ConfigRequest request;
  Flags flags(command);
  flags.argument("ACTION", &action,
                 "show: every option for MODEL with its value and where that comes from, of the "
                 "flags, too. check: whether FILE is right. init: a file with every option as a "
                 "comment, to FILE or standard output. options: all there are");
  flags.words({"check", "init", "options", "show"});
  flags.optional_argument("MODEL|FILE", &request.flags.model,
                          "with show a model, as the other commands take it");
  request.flags.declare_options(flags);
  flags.flag("--json", &request.json, "for programs");
  flags.example("accel config init config/backend.yaml");
  flags.example("accel config check config/backend.yaml");
  flags.example("accel config show gpt2 --device GPU");
  ACCEL_ASSIGN(const bool help_shown, flags.parse(arguments));
  if (help_shown) return {};
  const auto* const found =
      std::ranges::find(kConfigActions, action, [](const auto& one) { return one.first; });
  if (found == kConfigActions.end()) {
    std::vector<std::string_view> names;
    for (const auto& [name, run] : kConfigActions) names.push_back(name);
    return invalid_argument(fmt::format("unknown action '{}'{}; expected one of {}",
                                        printable(action), did_you_mean(action, names),
                                        fmt::join(names, ", ")));
  }
  return found->second(request);
}

}  // namespace accel::cli
