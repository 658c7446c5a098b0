// accel list: the models that were pulled into the Hub's cache.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "accel/engine.h"
#include "base/try.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/installation.h"
#include "cli/moments.h"
#include "cli/table.h"
#include "cli/wire.h"
#include "hub/aliases.h"
#include "hub/hub_cache.h"
#include "hub/settings.h"
#include "hub/use_times.h"

namespace accel::cli {
namespace {

constexpr size_t kCommitShown = 12;

struct ListedModel {
  hub::CachedModel model;
  // Of each snapshot: what it is, as far as it can be loaded.
  std::vector<Result<ModelReport>> reports;
  std::vector<std::string> aliases;
};

std::string revision_text(const hub::CachedSnapshot& snapshot) {
  std::string commit = snapshot.commit.substr(0, kCommitShown);
  if (snapshot.refs.empty()) return commit;
  return fmt::format("{} ({})", fmt::join(snapshot.refs, ", "), commit);
}

std::string list_text(const std::vector<ListedModel>& models, const std::string& cache) {
  Table table({Align::kLeft, Align::kLeft, Align::kRight, Align::kLeft, Align::kLeft, Align::kLeft,
               Align::kLeft});
  table.add({"model", "revision", "size", "used", "family", "tasks", "alias"});
  uint64_t bytes = 0;
  for (const ListedModel& listed : models) {
    bytes += listed.model.bytes;
    const std::string aliases = fmt::format("{}", fmt::join(listed.aliases, ", "));
    for (size_t i = 0; i < listed.model.snapshots.size(); ++i) {
      const hub::CachedSnapshot& snapshot = listed.model.snapshots[i];
      const Result<ModelReport>& report = listed.reports[i];
      table.add({listed.model.name, revision_text(snapshot), human_bytes(snapshot.bytes),
                 age_text(now_s() - snapshot.used_s), report.ok() ? report->family : "?",
                 report.ok() ? fmt::format("{}", fmt::join(report->tasks, ", ")) : "", aliases});
    }
    if (listed.model.snapshots.empty()) {
      table.add(
          {listed.model.name, "not complete; accel pull goes on", human_bytes(listed.model.bytes)});
    }
  }
  return fmt::format("{}{} in {}\n", models.empty() ? "" : table.text() + "\n", human_bytes(bytes),
                     printable(cache));
}

OrderedJson list_json(const std::vector<ListedModel>& models, const std::string& cache) {
  OrderedJson out{{"folder", cache}, {"bytes", 0}, {"models", OrderedJson::array()}};
  uint64_t bytes = 0;
  for (const ListedModel& listed : models) {
    bytes += listed.model.bytes;
    OrderedJson one{
        {"name", listed.model.name},   {"path", listed.model.folder.string()},
        {"bytes", listed.model.bytes}, {"bytes_incomplete", listed.model.bytes_incomplete},
        {"aliases", listed.aliases},   {"revisions", OrderedJson::array()}};
    for (size_t i = 0; i < listed.model.snapshots.size(); ++i) {
      const hub::CachedSnapshot& snapshot = listed.model.snapshots[i];
      const Result<ModelReport>& report = listed.reports[i];
      OrderedJson revision{{"commit", snapshot.commit},        {"refs", snapshot.refs},
                           {"path", snapshot.folder.string()}, {"bytes", snapshot.bytes},
                           {"files", snapshot.files},          {"used", time_text(snapshot.used_s)},
                           {"loadable", report.ok()}};
      if (report.ok()) {
        revision["family"] = report->family;
        revision["tasks"] = report->tasks;
      } else {
        revision["reason"] = report.status().message();
      }
      one["revisions"].push_back(std::move(revision));
    }
    out["models"].push_back(std::move(one));
  }
  out["bytes"] = bytes;
  return out;
}

}  // namespace

Status run_list(const Command& command, const Arguments& arguments) {
  bool json = false;
  Flags flags(command);
  flags.flag("--json", &json, "for programs");
  ACCEL_ASSIGN(const bool help_shown, flags.parse(arguments));
  if (help_shown) return {};
  const hub::Places where = hub::user_places();
  ACCEL_ASSIGN(const auto aliases, hub::Aliases(where.aliases).read());
  ACCEL_ASSIGN(const auto engine, make_engine());
  std::vector<ListedModel> models;
  for (hub::CachedModel& model : hub::cached_models(where.cache)) {
    ListedModel listed{.model = std::move(model), .reports = {}, .aliases = {}};
    for (const hub::CachedSnapshot& snapshot : listed.model.snapshots) {
      const hub::UseTimes unused(snapshot.folder);
      listed.reports.push_back(engine->describe(snapshot.folder.string()));
    }
    for (const auto& [name, target] : aliases) {
      if (target.substr(0, target.find('@')) == listed.model.name) listed.aliases.push_back(name);
    }
    models.push_back(std::move(listed));
  }
  const std::string cache = where.cache.string();
  return print(json ? json_text(list_json(models, cache)) : list_text(models, cache));
}

}  // namespace accel::cli
