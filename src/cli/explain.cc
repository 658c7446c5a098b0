// accel explain: what was chosen for a model on this machine and why, and how each layer runs.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "base/try.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/installation.h"
#include "cli/layers_text.h"
#include "cli/statistics.h"
#include "cli/table.h"
#include "cli/wire.h"
#include "cli/work.h"
#include "hardware/limits.h"
#include "kernels/tables.h"
#include "runtime/row_batches.h"
#include "runtime/token_batches.h"

namespace accel::cli {
namespace {

struct Choice {
  std::string setting;
  std::string value;
  std::string why;
};

std::string why_precision(const RunReport& report, const std::string& model) {
  if (report.precision_source == "measured") {
    return "auto: the fastest measured on this machine that keeps the answers";
  }
  if (report.precision_source == "unmeasured") {
    return fmt::format("auto: nothing has been measured yet; accel doctor --measure {} does",
                       printable(model));
  }
  return "requested";
}

std::string why_threads(int64_t requested) {
  if (requested > 0) return "requested";
  const hardware::CpuLimits limits = hardware::read_cpu_limits();
  if (limits.quota_cores && limits.usable < limits.affinity) {
    return fmt::format("a quota of {:.2f} cores, by {}", *limits.quota_cores, limits.quota_source);
  }
  return fmt::format("the {} logical processors that this process may use", limits.affinity);
}

std::string why_kernels(const RunReport& report, const ModelFlags& flags) {
  if (report.kernels != "engine") {
    return "accel's own for dense layers and attention: faster than the engine's";
  }
  if (report.backend != "openvino") return "this backend has no others";
  if (flags.kernels == "engine") return "requested";
  if (report.device != "CPU") return "accel's own are for processors";
  using kernels::Operand;
  if (report.precision == Precision::kBF16) {
    if (kernels::best_kernels(Operand::kBF16Pair) == nullptr) {
      return "accel's own in bf16 need AVX-512 with BF16, and leave AMX to the engine's";
    }
  } else if (report.precision != Precision::kF32) {
    return "accel's own are for f32 and bf16";
  } else if (kernels::best_kernels(Operand::kF32) == nullptr) {
    return "accel's own need AVX2 and FMA or AVX-512, and this processor has neither";
  }
  return "no dense layer of the graph is one that accel's own compute";
}

std::pair<std::string, std::string> cache_choice(const RunReport& report, bool no_cache) {
  switch (report.cache.outcome) {
    case CacheOutcome::kUnused:
      return {"unused",
              no_cache ? "requested" : "a graph of this source is made as quickly as it is read"};
    case CacheOutcome::kMade: return {"made", "nothing was kept of this model and these settings"};
    case CacheOutcome::kGraphFound:
      return {"graph found", report.cache.not_kept.empty()
                                 ? "compiled for these settings for the first time"
                                 : report.cache.not_kept};
    case CacheOutcome::kCompiledFound: return {"compiled model found", "kept by an earlier run"};
  }
  return {};
}

std::pair<std::string, std::string> batch_choice(const TaskReport& task) {
  const bool media =
      std::ranges::find(task.inputs, "media", &TaskInputPart::member) != task.inputs.end();
  if (media) {
    return {fmt::format("{} rows", runtime::RowLimits().max_rows),
            "pictures and sounds fill the processor almost alone; more cost memory"};
  }
  return {fmt::format("{} tokens", runtime::kBatchTokens),
          "texts of like length together, so that padding and memory stay small"};
}

std::vector<Choice> choices_of(const ModelFlags& flags, const Work& work, const RunReport& report) {
  std::vector<Choice> choices;
  const auto [cache, why_cache] = cache_choice(report, flags.no_cache);
  const auto [batch, why_batch] = batch_choice(work.task);
  choices.push_back(
      {"task", work.task.name, flags.task.empty() ? "what the model's folder says" : "requested"});
  choices.push_back({"graph", report.source, "what the model's files are"});
  choices.push_back(
      {"backend", report.backend,
       report.fallback ? report.fallback_reason : "requested (default openvino, the fast one)"});
  choices.push_back({"device", report.device, "requested (default CPU)"});
  choices.push_back({"isolation", std::string(to_string(report.isolation)),
                     report.isolation == Isolation::kThread
                         ? "the default: the engine computes in this process"
                         : "requested: a crash of the engine ends calls, not this process"});
  choices.push_back(
      {"precision", std::string(to_string(report.precision)), why_precision(report, flags.model)});
  choices.push_back({"threads", std::to_string(report.threads), why_threads(flags.threads)});
  choices.push_back({"streams", std::to_string(report.streams),
                     flags.streams > 0 ? "requested"
                                       : "a batch for each thread: threads that need not wait for "
                                         "each other do more"});
  choices.push_back({"kernels", report.kernels, why_kernels(report, flags)});
  choices.push_back({"batch", batch, why_batch});
  choices.push_back({"cache", cache, why_cache});
  return choices;
}

// Layers that are alike, in the order of their first.
struct LayerKind {
  std::string type;
  std::string kernel;
  std::string precision;
  std::string layout;
  std::string fused;
  int count = 0;
};

void add_kinds(const std::vector<LayerReport>& layers, std::vector<LayerKind>& kinds) {
  for (const LayerReport& layer : layers) {
    const LayerKind kind{layer.type,   layer.kernel,      layer.precision,
                         layer.layout, fused_text(layer), 1};
    const auto same = std::ranges::find_if(kinds, [&](const LayerKind& one) {
      return one.type == kind.type && one.kernel == kind.kernel &&
             one.precision == kind.precision && one.layout == kind.layout &&
             one.fused == kind.fused;
    });
    if (same == kinds.end()) {
      kinds.push_back(kind);
    } else {
      ++same->count;
    }
    add_kinds(layer.steps, kinds);
  }
}

void count_fused(const std::vector<LayerReport>& layers, size_t& fused, size_t& nodes) {
  for (const LayerReport& layer : layers) {
    if (layer.fused.size() > 1) {
      ++fused;
      nodes += layer.fused.size();
    }
    count_fused(layer.steps, fused, nodes);
  }
}

void add_rows(const std::vector<LayerReport>& layers, const std::string& indent, Table& table) {
  constexpr size_t kLayerNameMax = 48;
  for (const LayerReport& layer : layers) {
    table.add({indent + layer.type, layer.kernel, layer.precision, layer.layout,
               short_name(layer.name, kLayerNameMax), fused_text(layer)});
    add_rows(layer.steps, indent + "  ", table);
  }
}

std::string graph_text(const GraphReport& graph, bool all) {
  size_t fused = 0;
  size_t nodes = 0;
  count_fused(graph.layers.layers, fused, nodes);
  std::string text = fmt::format("\n{}: {} layers, {} of them or of their steps do {} operations\n",
                                 graph.name, graph.layers.layers.size(), fused, nodes);
  if (all) {
    Table table;
    table.add({"type", "kernel", "precision", "layout", "name", "fused"});
    add_rows(graph.layers.layers, "", table);
    return text + table.text(2);
  }
  std::vector<LayerKind> kinds;
  add_kinds(graph.layers.layers, kinds);
  Table table({Align::kRight});
  table.add({"", "type", "kernel", "precision", "layout", "fused"});
  for (const LayerKind& kind : kinds) {
    table.add({std::to_string(kind.count), kind.type, kind.kernel, kind.precision, kind.layout,
               kind.fused});
  }
  return text + table.text(2);
}

Status explain(const ModelFlags& model, bool all, bool json) {
  ACCEL_ASSIGN(const auto engine, make_engine());
  ACCEL_ASSIGN(const Work work, load_asking(*engine, model));
  const auto graphs = work.model->graphs();
  if (!graphs.ok()) return advise_backend(graphs.status());
  const std::vector<Choice> choices = choices_of(model, work, graphs->front().report);
  if (json) {
    OrderedJson out{{"schema", "accel-explain-1"},
                    {"choices", OrderedJson::array()},
                    {"graphs", OrderedJson::array()}};
    for (const Choice& choice : choices) {
      out["choices"].push_back(
          {{"setting", choice.setting}, {"value", choice.value}, {"why", choice.why}});
    }
    for (const GraphReport& graph : *graphs) {
      OrderedJson one{{"name", graph.name}, {"layers", OrderedJson::array()}};
      for (const LayerReport& layer : graph.layers.layers) {
        one["layers"].push_back(layer_json(layer, 0));
      }
      out["graphs"].push_back(std::move(one));
    }
    add_report(out, graphs->front().report);
    return print(json_text(out));
  }
  Table table;
  for (const Choice& choice : choices) table.add({choice.setting, choice.value, choice.why});
  std::string text = printable(work.model->report().path) + "\n" + table.text(2);
  for (const GraphReport& graph : *graphs) text += graph_text(graph, all);
  return print(text);
}

}  // namespace

Status run_explain(const Command& command, const Arguments& arguments) {
  ModelFlags model;
  bool all = false;
  bool json = false;
  Flags flags(command);
  model.declare(flags);
  flags.text("--task", "NAME", &model.task, "what to do (default: what the model is for)");
  flags.flag("--layers", &all, "every layer in the order of execution, not only their kinds");
  flags.flag("--json", &json, "for programs: all layers, with the nodes that each was fused of");
  flags.example("accel explain all-MiniLM-L6-v2");
  flags.example("accel explain vit --kernels engine --layers");
  ACCEL_ASSIGN(const bool help_shown, flags.parse(arguments));
  if (help_shown) return {};
  return explain(model, all, json);
}

}  // namespace accel::cli
