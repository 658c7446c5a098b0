// accel profile: what each layer and kernel takes.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "base/stopwatch.h"
#include "base/try.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/installation.h"
#include "cli/layers_text.h"
#include "cli/statistics.h"
#include "cli/table.h"
#include "cli/wire.h"
#include "cli/work.h"
#include "measure/layer_times.h"

namespace accel::cli {
namespace {

constexpr int64_t kProfileSecondsMax = 3600;
constexpr size_t kNameBytesMax = 56;

struct ProfileFlags {
  WorkFlags work;
  int64_t seconds = 5;
  int64_t rounds = 0;
  int64_t top = 20;
  bool json = false;

  void declare(Flags& flags);
};

void ProfileFlags::declare(Flags& flags) {
  work.texts_made = 16;
  work.model.profile = true;
  work.declare(flags);
  flags.number("--seconds", &seconds, "how long to profile (default 5)");
  flags.number("--rounds", &rounds,
               "answer all inputs so many times instead; 0: by --seconds (default 0)");
  flags.number("--top", &top, "layers to show, the longest; 0: all (default 20)");
  flags.flag("--json", &json, "for programs: all layers");
  flags.example("accel profile all-MiniLM-L6-v2");
  flags.example("accel profile vit photo.jpg --kernels engine --top 0");
}

struct Profile {
  std::vector<GraphReport> graphs;  // with the times of what was profiled
  uint64_t items = 0;
  double wall_s = 0;
  measure::Reply busy;  // summed over the calls
};

// Items one after the other, after a round that warms up.
Result<Profile> profile(const ProfileFlags& flags, const Work& work) {
  Profile found;
  const auto round = [&](measure::Reply& busy) -> Status {
    for (const TaskInput& item : work.items) {
      ACCEL_ASSIGN(const measure::Reply reply, work.call(std::span(&item, 1)));
      busy.prepare += reply.prepare;
      busy.infer += reply.infer;
      busy.finish += reply.finish;
      ++found.items;
    }
    return {};
  };
  ACCEL_TRY(round(found.busy));
  const auto before = work.model->graphs();
  if (!before.ok()) return advise_backend(before.status());
  found.busy = {};
  found.items = 0;
  const auto began = Clock::now();
  for (int64_t i = 0;
       flags.rounds > 0 ? i < flags.rounds
                        : i == 0 || seconds_since(began) < static_cast<double>(flags.seconds);
       ++i) {
    ACCEL_TRY(round(found.busy));
  }
  found.wall_s = seconds_since(began);
  ACCEL_ASSIGN(found.graphs, work.model->graphs());
  for (size_t i = 0; i < std::min(before->size(), found.graphs.size()); ++i) {
    found.graphs[i].layers =
        measure::layers_between((*before)[i].layers, std::move(found.graphs[i].layers));
  }
  std::erase_if(found.graphs, [](const GraphReport& graph) { return graph.layers.runs == 0; });
  return found;
}

std::string percent(double part, double whole) {
  return fmt::format("{:.1f} %", whole > 0 ? part / whole * 100 : 0.0);
}

std::string kinds_text(const LayersReport& layers) {
  const double runs = static_cast<double>(layers.runs);
  Table table({Align::kLeft, Align::kLeft, Align::kRight, Align::kRight, Align::kRight});
  table.add({"type", "kernel", "layers", "ms", "share"});
  double sum = 0;
  for (const measure::KindTime& kind : measure::times_by_kind(layers)) {
    sum += kind.seconds;
    if (kind.seconds <= 0) continue;
    table.add({kind.type, kind.kernel, kind.layers > 0 ? std::to_string(kind.layers) : "",
               fmt::format("{:.4f}", kind.seconds * 1e3 / runs),
               percent(kind.seconds, layers.seconds)});
  }
  table.add({"sum", "", "", fmt::format("{:.4f}", sum * 1e3 / runs), percent(sum, layers.seconds)});
  return table.text(2);
}

void add_layers(const std::vector<LayerReport>& layers, std::vector<const LayerReport*>& all) {
  for (const LayerReport& layer : layers) {
    if (layer.steps.empty()) all.push_back(&layer);
    add_layers(layer.steps, all);
  }
}

std::string layers_text(const LayersReport& layers, int64_t top) {
  std::vector<const LayerReport*> all;
  add_layers(layers.layers, all);
  std::ranges::stable_sort(
      all, [](const LayerReport* a, const LayerReport* b) { return a->seconds > b->seconds; });
  if (top > 0 && std::ssize(all) > top) all.resize(static_cast<size_t>(top));
  Table table({Align::kRight, Align::kRight});
  table.add({"ms", "share", "type", "kernel", "precision", "layer"});
  for (const LayerReport* layer : all) {
    table.add({fmt::format("{:.4f}", layer->seconds * 1e3 / static_cast<double>(layers.runs)),
               percent(layer->seconds, layers.seconds), layer->type, layer->kernel,
               layer->precision, short_name(layer->name, kNameBytesMax)});
  }
  return table.text(2);
}

std::string profile_text(const ProfileFlags& flags, const Work& work, const Profile& found) {
  const double items = static_cast<double>(found.items);
  std::string text =
      fmt::format("{}, one after the other, {} times: {:.4f} ms of an item, of which {:.4f} "
                  "preparing, {:.4f} computing, {:.4f} finishing\n",
                  items_text(work, flags.work.seed), found.items / work.items.size(),
                  found.wall_s * 1e3 / items, found.busy.prepare * 1e3 / items,
                  found.busy.infer * 1e3 / items, found.busy.finish * 1e3 / items);
  for (const GraphReport& graph : found.graphs) {
    text += fmt::format(
        "\n{} by {}, {}, {} kernels: {:.4f} ms of a run, {} runs\n", graph.name,
        graph.report.backend, to_string(graph.report.precision), graph.report.kernels,
        graph.layers.seconds * 1e3 / static_cast<double>(graph.layers.runs), graph.layers.runs);
    text += kinds_text(graph.layers) + "\nthe longest\n" + layers_text(graph.layers, flags.top);
  }
  return text;
}

OrderedJson profile_json(const Work& work, const Profile& found) {
  const double items = static_cast<double>(found.items);
  OrderedJson json{{"schema", "accel-profile-1"},
                   {"task", work.task.name},
                   {"items", found.items},
                   {"item_ms", found.wall_s * 1e3 / items},
                   {"prepare_ms", found.busy.prepare * 1e3 / items},
                   {"infer_ms", found.busy.infer * 1e3 / items},
                   {"finish_ms", found.busy.finish * 1e3 / items},
                   {"graphs", OrderedJson::array()}};
  for (const GraphReport& graph : found.graphs) {
    const uint64_t runs = graph.layers.runs;
    const double each = 1e3 / static_cast<double>(runs);
    OrderedJson one{{"name", graph.name},
                    {"runs", runs},
                    {"run_ms", graph.layers.seconds * each},
                    {"between_layers_ms", measure::seconds_between_layers(graph.layers) * each},
                    {"layers", OrderedJson::array()},
                    {"kinds", OrderedJson::array()}};
    for (const LayerReport& layer : graph.layers.layers) {
      one["layers"].push_back(layer_json(layer, runs));
    }
    for (const measure::KindTime& kind : measure::times_by_kind(graph.layers)) {
      one["kinds"].push_back({{"type", kind.type},
                              {"kernel", kind.kernel},
                              {"layers", kind.layers},
                              {"ms", kind.seconds * each}});
    }
    add_report(one, graph.report);
    json["graphs"].push_back(std::move(one));
  }
  return json;
}

Status run_profile_with(const ProfileFlags& flags) {
  if (flags.seconds < 1 || flags.seconds > kProfileSecondsMax) {
    return invalid_argument(
        fmt::format("--seconds: expected 1 to {}, found {}", kProfileSecondsMax, flags.seconds));
  }
  if (flags.work.model.streams > 1) {
    return invalid_argument("--streams: expected at most 1, since layers of several at the same "
                            "time cannot be told apart");
  }
  ACCEL_ASSIGN(const auto engine, make_engine());
  ACCEL_ASSIGN(const Work work, load_work(*engine, flags.work));
  ACCEL_ASSIGN(const Profile found, profile(flags, work));
  return print(flags.json ? json_text(profile_json(work, found))
                          : profile_text(flags, work, found));
}

}  // namespace

Status run_profile(const Command& command, const Arguments& arguments) {
  ProfileFlags given;
  Flags flags(command);
  given.declare(flags);
  ACCEL_ASSIGN(const bool help_shown, flags.parse(arguments));
  if (help_shown) return {};
  return run_profile_with(given);
}

}  // namespace accel::cli
