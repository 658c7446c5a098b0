// accel models: the models of a folder tree or hub cache, and which of them suits.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "accel/engine.h"
#include "base/byte_size.h"
#include "base/suggestion.h"
#include "base/try.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/installation.h"
#include "cli/measured_speeds.h"
#include "cli/table.h"
#include "cli/wire.h"
#include "engine/local_manager.h"
#include "hardware/limits.h"
#include "measure/model_ranking.h"

namespace accel::cli {
namespace {

constexpr double kQuickSeconds = 2;  // of measuring a model that nobody has measured

struct ModelsFlags {
  std::string tree;
  std::string word;
  std::string task;
  std::string size_max;
  std::string memory;
  bool recommend = false;
  bool measure = false;
  bool json = false;

  void declare(Flags& flags);
  // Whether models are chosen and ranked, and not just listed.
  bool chooses() const {
    return recommend || measure || !word.empty() || !task.empty() || !size_max.empty() ||
           !memory.empty();
  }
  Result<measure::ModelSearch> search(Engine& engine) const;
};

struct UnloadableModel {
  FoundModel model;
  std::string reason;
};

// What is shown.
struct Shelf {
  std::vector<measure::RankedModel> models;
  std::vector<UnloadableModel> unloadable;
};

void ModelsFlags::declare(Flags& flags) {
  flags.optional_argument("FOLDER", &tree, "a tree of folders (default: the Hub's cache)");
  flags.text("--search", "WORD", &word, "in the name, family, architecture or tasks");
  flags.text("--task", "NAME", &task, "those that are for it, ranked by its speed");
  flags.text("--max-size", "SIZE", &size_max, "on disk at most, as 500M");
  flags.text("--memory", "SIZE", &memory,
             "what the weights may take in memory (default: what this machine has)");
  flags.flag("--recommend", &recommend,
             "only what this machine can hold; the first is the fastest measured");
  flags.flag("--measure", &measure,
             "measures those first that nobody has measured, each for a few seconds");
  flags.flag("--json", &json, "for programs");
  flags.example("accel models ~/models");
  flags.example("accel models --task text-classification --max-size 500M --recommend --measure");
}

// The Hub's name of a task.
Result<std::string> task_called(Engine& engine, const std::string& name) {
  std::vector<std::string> known = engine.heads();
  for (const TaskReport& one : engine.tasks()) {
    if (std::ranges::find(one.aliases, name) != one.aliases.end()) return one.name;
    known.push_back(one.name);
  }
  if (std::ranges::find(known, name) != known.end()) return name;
  const std::vector<std::string_view> names(known.begin(), known.end());
  return invalid_argument(
      fmt::format("--task: no task is called '{}'{}", name, did_you_mean(name, names)));
}

Result<measure::ModelSearch> ModelsFlags::search(Engine& engine) const {
  measure::ModelSearch search{.word = word, .only_fitting = recommend};
  if (!task.empty()) {
    ACCEL_ASSIGN(search.task, task_called(engine, task));
  }
  if (!size_max.empty()) {
    const auto size = parse_size(size_max);
    if (!size.ok()) return size.status().with_context("--max-size");
    search.bytes_max = *size;
  }
  if (!memory.empty()) {
    const auto size = parse_size(memory);
    if (!size.ok()) return size.status().with_context("--memory");
    search.memory_max = *size;
  } else {
    const hardware::MemoryLimits limits = hardware::read_memory_limits();
    search.memory_max =
        std::min(limits.total_bytes, limits.cgroup_limit_bytes.value_or(limits.total_bytes));
  }
  return search;
}

Shelf look_up(Engine& engine, const std::vector<FoundModel>& found, const MeasuredSpeeds& speeds,
              const measure::ModelSearch& search) {
  Shelf shelf;
  for (const FoundModel& model : found) {
    Result<ModelReport> report = engine.describe(model.path);
    if (!report.ok()) {
      shelf.unloadable.push_back({model, std::string(report.status().message())});
      continue;
    }
    measure::RankedModel one{.model = model, .report = std::move(*report)};
    one.memory_bytes = engine::memory_needed(one.report, Precision::kF32);
    one.speed = measure::fastest_of(speeds.of(model.path), search.task);
    shelf.models.push_back(std::move(one));
  }
  return shelf;
}

// One model, shortly; its speed is remembered.
Status measure_quickly(Engine& engine, const measure::RankedModel& model,
                       const measure::ModelSearch& search, MeasuredSpeeds& speeds) {
  WorkFlags flags;
  flags.model.model = model.model.path;
  // What embeds sentences is measured by that, where nothing else is asked for.
  if (search.task != "sentence-embedding") flags.model.task = search.task;
  ACCEL_ASSIGN(const Work work, load_work(engine, flags));
  const measure::Plan plan{.scenario = measure::Scenario::kOffline, .seconds = kQuickSeconds};
  ACCEL_ASSIGN(const measure::Recording recording,
               measure::run_scenario(plan, work.items, work.call));
  return speeds.remember(work, flags.seed, recording);
}

void measure_the_rest(Engine& engine, const measure::ModelSearch& search, MeasuredSpeeds& speeds,
                      std::vector<measure::RankedModel>& models) {
  for (measure::RankedModel& one : models) {
    if (one.speed || !measure::suits(one, search)) continue;
    notice("measuring " + one.model.name);
    const Status measured = measure_quickly(engine, one, search, speeds);
    if (!measured.ok()) notice(fmt::format("{}: {}", one.model.name, measured.message()));
    one.speed = measure::fastest_of(speeds.of(one.model.path), search.task);
  }
}

std::string speed_text(const measure::RankedModel& one) {
  if (!one.speed) return "not measured";
  return fmt::format("{:.1f}/s on {} in {}", one.speed->items_per_s, one.speed->device,
                     one.speed->precision);
}

std::string advice_text(const Shelf& shelf, bool recommend) {
  const auto measured = [](const measure::RankedModel& one) { return one.speed.has_value(); };
  std::string text;
  if (recommend && !shelf.models.empty() && measured(shelf.models.front())) {
    const measure::RankedModel& first = shelf.models.front();
    text = fmt::format("\nrecommended: {}, the fastest measured ({})\n",
                       printable(first.model.name), speed_text(first));
  }
  const auto left = std::ranges::count_if(shelf.models, std::not_fn(measured));
  if (left > 0) {
    text += fmt::format("\n{} not measured here, ranked by size behind the others; --measure "
                        "measures them\n",
                        left);
  }
  return text;
}

std::string readable(const Shelf& shelf, const ModelsFlags& flags) {
  Table table;
  std::vector<std::string> head{"model", "family", "tasks", "parameters", "weights", "on disk"};
  if (flags.chooses()) head.insert(head.end(), {"in memory", "measured"});
  table.add(std::move(head));
  for (const measure::RankedModel& one : shelf.models) {
    const ModelReport& report = one.report;
    std::vector<std::string> row{printable(one.model.name),
                                 report.family.empty() ? report.source : report.family,
                                 fmt::format("{}", fmt::join(report.tasks, ", ")),
                                 with_separators(report.parameters),
                                 report.weights_dtype,
                                 human_bytes(report.bytes_on_disk)};
    if (flags.chooses()) {
      row.push_back(human_bytes(one.memory_bytes) + (one.fits ? "" : ", too much"));
      row.push_back(speed_text(one));
    }
    table.add(std::move(row));
  }
  std::string refused;
  for (const UnloadableModel& one : shelf.unloadable) {
    refused += fmt::format("  {}: {}\n", printable(one.model.name), printable(one.reason));
  }
  if (shelf.models.empty() && refused.empty()) {
    return fmt::format("no models in {}{}\n", printable(flags.tree),
                       flags.chooses() ? " that suit" : "");
  }
  return table.text() + (flags.chooses() ? advice_text(shelf, flags.recommend) : "") +
         (refused.empty() ? "" : "\nnot loadable\n" + refused);
}

OrderedJson model_json(const measure::RankedModel& one, const ModelsFlags& flags) {
  OrderedJson json{{"name", one.model.name},
                   {"path", one.model.path},
                   {"loadable", true},
                   {"family", one.report.family},
                   {"architecture", one.report.architecture},
                   {"source", one.report.source},
                   {"tasks", one.report.tasks},
                   {"parameters", one.report.parameters},
                   {"weights_dtype", one.report.weights_dtype},
                   {"bytes_on_disk", one.report.bytes_on_disk}};
  if (!flags.chooses()) return json;
  json["memory_bytes"] = one.memory_bytes;
  json["fits"] = one.fits;
  json["speed"] = nullptr;
  if (one.speed) json["speed"] = measure::speed_json(*one.speed);
  return json;
}

OrderedJson as_json(const Shelf& shelf, const ModelsFlags& flags) {
  auto list = OrderedJson::array();
  for (const measure::RankedModel& one : shelf.models) list.push_back(model_json(one, flags));
  for (const UnloadableModel& one : shelf.unloadable) {
    list.push_back({{"name", one.model.name},
                    {"path", one.model.path},
                    {"loadable", false},
                    {"reason", one.reason}});
  }
  if (!flags.chooses()) {
    const auto model_name_in = [](const OrderedJson& one) {
      return one["name"].get<std::string>();
    };
    std::stable_sort(list.begin(), list.end(), [&](const OrderedJson& a, const OrderedJson& b) {
      return model_name_in(a) < model_name_in(b);
    });
  }
  return list;
}

Status list_models(const ModelsFlags& flags) {
  ACCEL_ASSIGN(const auto engine, make_engine());
  ACCEL_ASSIGN(const measure::ModelSearch search, flags.search(*engine));
  ACCEL_ASSIGN(const std::vector<FoundModel> found, engine->find_models(flags.tree));
  ACCEL_ASSIGN(MeasuredSpeeds speeds, MeasuredSpeeds::create(*engine));
  Shelf shelf = look_up(*engine, found, speeds, search);
  if (flags.chooses()) {
    shelf.unloadable.clear();  // nothing is known of them that could suit
    if (flags.measure) measure_the_rest(*engine, search, speeds, shelf.models);
    shelf.models = measure::ranked(std::move(shelf.models), search);
  }
  return print(flags.json ? json_text(as_json(shelf, flags)) : readable(shelf, flags));
}

}  // namespace

Status run_models(const Command& command, const Arguments& arguments) {
  ModelsFlags given;
  Flags flags(command);
  given.declare(flags);
  ACCEL_ASSIGN(const bool help_shown, flags.parse(arguments));
  if (help_shown) return {};
  return list_models(given);
}

}  // namespace accel::cli
