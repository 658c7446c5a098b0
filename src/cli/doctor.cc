// accel doctor: is everything there, what is lost without the rest, and the line that mends it.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "accel/engine.h"
#include "accel/hardware.h"
#include "base/try.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/installation.h"
#include "cli/machine_text.h"
#include "cli/practices.h"
#include "cli/remembered_facts.h"
#include "cli/table.h"
#include "cli/wire.h"
#include "engine/path_choice.h"
#include "store/facts.h"

namespace accel::cli {
namespace {

constexpr double kMeasureSeconds = 10;

struct Cache {
  std::string folder;
  Status status;  // why nothing is remembered
};

struct Checkup {
  Machine machine;
  Result<MachineSpeed> speed = not_found("not asked");
  AccelerateStatus acceleration;
  std::vector<BackendReport> backends;
  std::vector<Component> components;
  std::vector<OptionalPart> optional;
  Cache cache;
  std::vector<RememberedFact> facts;
  std::vector<Practice> practices;
  std::optional<MeasureReport> measured;

  bool fine() const { return std::ranges::all_of(components, &Component::fine); }
};

Cache look_at_cache() {
  const auto folder = cache_folder();
  if (!folder.ok()) return {"", folder.status()};
  const auto facts_folder = *folder / "facts";
  return {facts_folder.string(), store::Facts::create({.folder = facts_folder})->warning()};
}

std::string parts_text(const Checkup& checkup) {
  Table needed;
  needed.add({"component", "version", "minimum", "verdict"});
  for (const Component& one : checkup.components) {
    needed.add({one.name, one.version.empty() ? "-" : one.version, one.minimum,
                one.fine ? "ok" : "NOT AVAILABLE"});
  }
  Table optional;
  for (const OptionalPart& part : checkup.optional) {
    optional.add({part.name, part.present ? "present" : "absent",
                  part.present ? part.found : "without it: " + part.without});
  }
  return "\nneeded\n" + needed.text(2) + "\noptional\n" + optional.text(2) + "\nother hardware\n" +
         accelerators_text(checkup.machine);
}

std::string memory_of_runs_text(const Checkup& checkup) {
  Table table;
  table.add({"folder", checkup.cache.folder});
  table.add({"state", checkup.cache.status.ok() ? "writable" : checkup.cache.status.message()});
  bool probed = false;
  for (const RememberedFact& fact : checkup.facts) {
    if (!fact.this_cpu) continue;
    probed = probed || fact.kind == "crash-probe";
    table.add({fact.kind, fact_text(fact)});
    const std::string model = fact.model.empty() ? "" : ", model " + fact.model;
    const std::string detail = fact.detail.empty() ? "" : ", " + fact.detail;
    table.add({"", "for " + fact.engine + detail + model});
  }
  if (!probed) table.add({"crash-probe", "not run yet: it runs before the engine's first use"});
  return "\nremembered\n" + table.text(2);
}

// From how many items on the engine is worth its preparation.
std::string paths_text(const std::optional<PathCosts>& paths) {
  if (!paths) return "";
  const auto cost = [](const PathCost& one) {
    return fmt::format("{:.1f} ms to load, {:.2f} ms an item", 1e3 * one.load_seconds,
                       1e3 * one.seconds_per_item);
  };
  const std::optional<size_t> from = engine::items_to_accelerate(*paths);
  return fmt::format(
      "  accelerated: {}; locally: {}\n  {}\n", cost(paths->accelerated), cost(paths->local),
      from ? fmt::format("a model that is not loaded is accelerated from {} item{} on", *from,
                         *from == 1 ? "" : "s")
           : "the local path is the quicker one");
}

std::string measured_text(const MeasureReport& report) {
  Table table({Align::kLeft, Align::kRight, Align::kRight, Align::kRight, Align::kRight});
  table.add({"precision", "streams", "items/s", "alone, ms", "least cosine", "verdict"});
  for (const RunSetting& one : report.settings) {
    const auto is = [&](const RunSetting& other) {
      return one.precision == other.precision && one.streams == other.streams;
    };
    std::string verdict = one.eligible ? "" : "not exact enough, or slow";
    if (is(report.throughput)) verdict = "for throughput";
    if (is(report.latency)) verdict += verdict.empty() ? "for latency" : " and latency";
    table.add({std::string(to_string(one.precision)), std::to_string(one.streams),
               fmt::format("{:.1f}", one.items_per_sec), fmt::format("{:.2f}", one.latency_ms),
               fmt::format("{:.6f}", one.least_cosine), verdict});
  }
  const std::string batches = report.batch_tokens > 0
                                  ? fmt::format("  batches of {} tokens\n", report.batch_tokens)
                                  : fmt::format("  batches of {} rows\n", report.batch_rows);
  return "\nmeasured now\n" + table.text(2) + batches + paths_text(report.paths) +
         (report.remembered ? "" : "  not remembered: the cache folder cannot be written\n");
}

std::string practices_text(const Checkup& checkup) {
  Table table;
  for (const Practice& one : checkup.practices) {
    table.add({one.name, one.kept ? "kept" : "advice", one.found});
    if (!one.kept) table.add({"", "", one.advice});
  }
  return "\npractices\n" + table.text(2);
}

std::string problems_text(const Checkup& checkup) {
  std::string text;
  for (const Component& one : checkup.components) {
    if (one.fine) continue;
    text += fmt::format("\n{} is not available\n  because  {}\n  remedy   {}\n", one.name,
                        printable(one.reason), printable(one.remedy));
  }
  return text.empty() ? "\nall that is needed is there\n" : text;
}

std::string readable(const Checkup& checkup) {
  return "machine\n" + machine_text(checkup.machine, checkup.speed) + "\nacceleration\n" +
         acceleration_text(checkup.acceleration) + parts_text(checkup) +
         memory_of_runs_text(checkup) + (checkup.measured ? measured_text(*checkup.measured) : "") +
         practices_text(checkup) + problems_text(checkup);
}

OrderedJson measured_json(const MeasureReport& report) {
  const auto setting = [](const RunSetting& one) {
    return OrderedJson{{"precision", to_string(one.precision)},
                       {"streams", one.streams},
                       {"threads", one.threads},
                       {"items_per_sec", one.items_per_sec},
                       {"latency_ms", one.latency_ms},
                       {"least_cosine", one.least_cosine},
                       {"eligible", one.eligible}};
  };
  OrderedJson out{{"latency", setting(report.latency)},  {"throughput", setting(report.throughput)},
                  {"batch_tokens", report.batch_tokens}, {"batch_rows", report.batch_rows},
                  {"remembered", report.remembered},     {"settings", OrderedJson::array()}};
  if (report.paths) {
    const auto cost = [](const PathCost& one) {
      return OrderedJson{{"load_seconds", one.load_seconds},
                         {"seconds_per_item", one.seconds_per_item}};
    };
    out["paths"] = {{"local", cost(report.paths->local)},
                    {"accelerated", cost(report.paths->accelerated)}};
  }
  for (const RunSetting& one : report.settings) out["settings"].push_back(setting(one));
  return out;
}

OrderedJson as_json(const Checkup& checkup) {
  OrderedJson out;
  add_machine(out, checkup.machine, checkup.speed);
  out["acceleration"] = acceleration_json(checkup.acceleration);
  out["components"] = OrderedJson::array();
  for (const Component& one : checkup.components) {
    out["components"].push_back({{"name", one.name},
                                 {"version", one.version},
                                 {"minimum", one.minimum},
                                 {"verdict", one.fine ? "ok" : "not available"},
                                 {"reason", one.reason},
                                 {"remedy", one.remedy}});
  }
  out["optional"] = OrderedJson::array();
  for (const OptionalPart& part : checkup.optional) {
    out["optional"].push_back({{"name", part.name},
                               {"present", part.present},
                               {"found", part.found},
                               {"without", part.without}});
  }
  out["backends"] = backends_json(checkup.backends);
  out["cache"] = {{"folder", checkup.cache.folder},
                  {"writable", checkup.cache.status.ok()},
                  {"reason", checkup.cache.status.message()}};
  out["facts"] = OrderedJson::array();
  for (const RememberedFact& fact : checkup.facts) {
    out["facts"].push_back({{"kind", fact.kind},
                            {"engine", fact.engine},
                            {"model", fact.model},
                            {"detail", fact.detail},
                            {"this_cpu", fact.this_cpu},
                            {"value", OrderedJson(fact.value)}});
  }
  out["practices"] = OrderedJson::array();
  for (const Practice& one : checkup.practices) {
    out["practices"].push_back(
        {{"name", one.name}, {"kept", one.kept}, {"found", one.found}, {"advice", one.advice}});
  }
  if (checkup.measured) out["measured"] = measured_json(*checkup.measured);
  out["ok"] = checkup.fine();
  return out;
}

Result<Checkup> examine(bool measure, const std::string& model) {
  Checkup checkup{
      .machine = look_at_machine(), .optional = optional_parts(), .cache = look_at_cache()};
  // A file of options that cannot be read is advice here, and no reason to look at nothing else.
  const Result<Config> config = read_config("", {});
  ACCEL_ASSIGN(const auto engine,
               Engine::create(config.ok() ? engine_options(*config) : EngineOptions()));
  checkup.speed = engine->machine_speed(Measuring::kNever);
  checkup.acceleration = get_accelerate_status(*engine);
  checkup.backends = examine_backends(*engine);
  checkup.components = components(checkup.backends);
  if (measure) {
    std::string path = model;
    if (path.empty()) {
      ACCEL_ASSIGN(const auto share, share_folder());
      path = (share / "self-test").string();
    }
    ACCEL_ASSIGN(checkup.measured, engine->measure(path, "CPU", kMeasureSeconds));
  }
  checkup.facts = remembered_facts(checkup.cache.folder, checkup.machine.cpu.identity());
  checkup.practices = practices(practice_facts(config, *engine, checkup.facts));
  return checkup;
}

}  // namespace

Status run_doctor(const Command& command, const Arguments& arguments) {
  std::string model;
  bool json = false;
  bool measure = false;
  Flags flags(command);
  flags.optional_argument("MODEL", &model,
                          "only with --measure: the model folder to time (default: the tiny model "
                          "of the self-test)");
  flags.flag("--measure", &measure,
             "time the precisions of the CPU on MODEL and remember the fastest, which is what "
             "--precision auto means from then on");
  flags.flag("--json", &json, "for programs");
  ACCEL_ASSIGN(const bool help_shown, flags.parse(arguments));
  if (help_shown) return {};
  if (!model.empty() && !measure) {
    return invalid_argument("MODEL: expected --measure with it; see accel doctor --help");
  }
  ACCEL_ASSIGN(const Checkup checkup, examine(measure, model));
  ACCEL_TRY(print(json ? json_text(as_json(checkup)) : readable(checkup)));
  if (checkup.fine()) return {};
  return unavailable("something that accel needs is missing: see above");
}

}  // namespace accel::cli
