// accel families: the model families that this build loads, and what it makes of each.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string>
#include <vector>

#include "accel/engine.h"
#include "base/try.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/installation.h"
#include "cli/table.h"
#include "cli/wire.h"

namespace accel::cli {
namespace {

bool makes(const FamilyReport& family, const std::string& task) {
  return std::ranges::any_of(family.architectures,
                             [&](const auto& each) { return each.second == task; });
}

std::string readable(const std::vector<FamilyReport>& families,
                     const std::vector<std::string>& tasks) {
  Table table;
  table.add({"model_type", "name", "tasks"});
  for (const FamilyReport& family : families) {
    std::vector<std::string> made;
    for (const std::string& task : tasks) {
      if (makes(family, task)) made.push_back(task);
    }
    table.add({family.name, family.title, fmt::format("{}", fmt::join(made, ", "))});
  }
  return table.text();
}

OrderedJson as_json(const std::vector<FamilyReport>& families,
                    const std::vector<std::string>& tasks) {
  auto list = OrderedJson::array();
  for (const FamilyReport& family : families) {
    OrderedJson architectures;
    for (const auto& [name, task] : family.architectures) architectures[name] = task;
    OrderedJson answers;
    for (const std::string& task : tasks) answers[task] = makes(family, task);
    list.push_back({{"model_type", family.name},
                    {"title", family.title},
                    {"reference", family.reference},
                    {"architectures", architectures},
                    {"tasks", answers}});
  }
  return list;
}

}  // namespace

Status run_families(const Command& command, const Arguments& arguments) {
  bool json = false;
  Flags flags(command);
  flags.flag("--json", &json, "for programs; each task with true or false");
  ACCEL_ASSIGN(const bool help_shown, flags.parse(arguments));
  if (help_shown) return {};
  ACCEL_ASSIGN(const auto engine, make_engine());
  const auto families = engine->families();
  const auto tasks = engine->heads();
  return print(json ? json_text(as_json(families, tasks)) : readable(families, tasks));
}

}  // namespace accel::cli
