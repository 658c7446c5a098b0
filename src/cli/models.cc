// accel models: the models of a folder tree or hub cache.
#include <fmt/format.h>
#include <fmt/ranges.h>

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

struct Row {
  FoundModel model;
  Result<ModelReport> report;
};

std::string readable(const std::vector<Row>& rows, const std::string& tree) {
  Table table;
  std::string refused;
  table.add({"model", "family", "tasks", "parameters", "weights", "on disk"});
  for (const Row& row : rows) {
    if (!row.report.ok()) {
      refused += fmt::format("  {}: {}\n", printable(row.model.name),
                             printable(row.report.status().message()));
      continue;
    }
    const ModelReport& report = *row.report;
    table.add({printable(row.model.name), report.family.empty() ? report.source : report.family,
               fmt::format("{}", fmt::join(report.tasks, ", ")), with_separators(report.parameters),
               report.weights_dtype, human_bytes(report.bytes_on_disk)});
  }
  if (rows.empty()) return fmt::format("no models in {}\n", printable(tree));
  return table.text() + (refused.empty() ? "" : "\nnot loadable\n" + refused);
}

OrderedJson as_json(const std::vector<Row>& rows) {
  auto list = OrderedJson::array();
  for (const Row& row : rows) {
    OrderedJson one{{"name", row.model.name}, {"path", row.model.path}};
    one["loadable"] = row.report.ok();
    if (row.report.ok()) {
      one["family"] = row.report->family;
      one["architecture"] = row.report->architecture;
      one["source"] = row.report->source;
      one["tasks"] = row.report->tasks;
      one["parameters"] = row.report->parameters;
      one["weights_dtype"] = row.report->weights_dtype;
      one["bytes_on_disk"] = row.report->bytes_on_disk;
    } else {
      one["reason"] = row.report.status().message();
    }
    list.push_back(std::move(one));
  }
  return list;
}

}  // namespace

Status run_models(const Command& command, const Arguments& arguments) {
  std::string tree;
  bool json = false;
  Flags flags(command.name, command.summary);
  flags.optional_argument("FOLDER", &tree, "a tree of folders (default: the Hub's cache)");
  flags.flag("--json", &json, "for programs");
  flags.example("accel models ~/models");
  ACCEL_ASSIGN(const bool help_shown, flags.parse(arguments));
  if (help_shown) return {};
  ACCEL_ASSIGN(const auto engine, make_engine());
  ACCEL_ASSIGN(const std::vector<FoundModel> found, engine->find_models(tree));
  std::vector<Row> rows;
  for (const FoundModel& model : found) rows.push_back({model, engine->describe(model.path)});
  return print(json ? json_text(as_json(rows)) : readable(rows, tree));
}

}  // namespace accel::cli
