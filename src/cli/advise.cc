// accel advise: the usual causes of a disappointing figure, each measured with its remedy.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/stopwatch.h"
#include "base/try.h"
#include "cli/bench_report.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/installation.h"
#include "cli/statistics.h"
#include "cli/table.h"
#include "cli/wire.h"
#include "cli/work.h"
#include "hardware/cpu.h"
#include "measure/rounds.h"
#include "measure/statistics.h"

namespace accel::cli {
namespace {

constexpr int kAdvicePairs = 15;
constexpr uint64_t kSmallParameters = 5'000'000;
constexpr double kSmallComputeMs = 1;
constexpr double kWorthwhile = 1.05;

// A possible cause, with what doing something about it gains.
struct Advice {
  std::string cause;     // "warm-up", "small model", "precision", "kernels"
  bool applies = false;  // it holds the figure down here
  std::string finding;   // what was found
  std::string remedy;    // empty: there is none on this machine
  // Times as fast with the remedy; absent where it cannot be tried here.
  std::optional<measure::RatioInterval> gain;
};

struct Situation {
  Engine& engine;
  const WorkFlags& flags;
  const Work& work;
  RunReport report;
  double first_ms = 0;  // the very first query
  double item_ms = 0;   // of one item, warm: the mean
  double infer_ms = 0;  // what of it was computing
};

std::string gain_text(const Advice& advice) {
  if (!advice.gain) return "not to be measured here";
  return fmt::format("{:.2f}x ({:.2f} to {:.2f})", advice.gain->ratio, advice.gain->low,
                     advice.gain->high);
}

// The items one by one, each as often as it takes for a median.
Result<Situation> look(Engine& engine, const WorkFlags& flags, const Work& work) {
  Situation found{.engine = engine, .flags = flags, .work = work};
  auto began = Clock::now();
  ACCEL_ASSIGN(measure::Reply first, work.call(std::span(work.items).first(1)));
  found.first_ms = seconds_since(began) * 1e3;
  found.report = std::move(first.report);
  ACCEL_ASSIGN(const measure::Recording recording,
               measure::run_scenario({.queries = 10 * work.items.size()}, work.items, work.call));
  const measure::Figures figures = measure::figures_of(recording);
  found.item_ms = figures.latency_ms.avg;
  found.infer_ms = figures.split_ms.infer;
  return found;
}

Result<measure::RatioInterval> gain_of(const Situation& now, const measure::Call& before,
                                       const measure::Call& after, bool together) {
  ACCEL_ASSIGN(const measure::PairedTimes times,
               measure::run_pairs({.pairs = kAdvicePairs, .together = together}, now.work.items,
                                  before, after));
  return measure::paired_ratio(times.first, times.second);
}

// The first query of that text again, warm, is what it is measured against.
Result<Advice> advise_warm_up(const Situation& now) {
  std::vector<double> again;
  for (int i = 0; i < kAdvicePairs; ++i) {
    const auto began = Clock::now();
    ACCEL_TRY(now.work.call(std::span(now.work.items).first(1)).status());
    again.push_back(seconds_since(began) * 1e3);
  }
  const std::vector<double> first{now.first_ms};
  const measure::RatioInterval gain = measure::unpaired_ratio(first, again);
  return Advice{.cause = "warm-up",
                .applies = gain.ratio > 1.5,
                .finding = fmt::format("the first query took {:.2f} ms, the same later {:.2f} ms",
                                       now.first_ms, measure::median(again)),
                .remedy = "answer a few inputs of each size before measuring or serving, as accel "
                          "bench does",
                .gain = gain};
}

Result<Advice> advise_small_model(const Situation& now) {
  const uint64_t parameters = now.work.model->report().parameters;
  const measure::Call one_by_one = [&](std::span<const TaskInput> items) -> Result<measure::Reply> {
    measure::Reply last;
    for (const TaskInput& item : items) {
      ACCEL_ASSIGN(last, now.work.call(std::span(&item, 1)));
    }
    return last;
  };
  ACCEL_ASSIGN(const measure::RatioInterval gain,
               gain_of(now, one_by_one, now.work.call, /*together=*/true));
  const bool small = parameters < kSmallParameters || now.infer_ms < kSmallComputeMs;
  Advice advice{
      .cause = "small model",
      .applies = small,
      .finding = fmt::format("{} parameters; of {:.3f} ms of an item {:.0f} % are not computing",
                             with_separators(parameters), now.item_ms,
                             100 * std::max(0.0, 1 - now.infer_ms / std::max(now.item_ms, 1e-9))),
      .gain = gain};
  const std::string together = fmt::format("{} inputs at once", now.work.items.size());
  if (gain.ratio > 1) {
    advice.remedy = "give " + together;
  } else {
    advice.finding += fmt::format("; {} are no faster", together);
  }
  return advice;
}

// Another way of loading the same, against what was loaded.
Result<measure::RatioInterval> gain_of_loading(const Situation& now, const WorkFlags& other) {
  ACCEL_ASSIGN(const Work work, load_work(now.engine, other, now.work));
  return gain_of(now, now.work.call, work.call, /*together=*/false);
}

// What makes narrow arithmetic fast, of this kind of processor.
std::vector<std::string> missing_instructions(const hardware::CpuInfo& cpu) {
  const bool arm = cpu.architecture == "arm64";
  std::vector<std::string> missing;
  for (const char* name : arm ? std::vector<const char*>{"bf16", "fp16", "i8mm", "sve"}
                              : std::vector<const char*>{"avx512f", "avx512_vnni", "avx512_bf16",
                                                         "amx_bf16", "amx_int8"}) {
    if (!cpu.has(name)) missing.emplace_back(name);
  }
  return missing;
}

Result<std::vector<Advice>> advise_precision(const Situation& now) {
  std::vector<Precision> offered;
  for (const DeviceReport& device : now.engine.devices()) {
    if (device.backend == now.report.backend && device.name == now.report.device) {
      offered = device.precisions;
    }
  }
  std::vector<Advice> advices;
  for (const Precision precision : {Precision::kF32, Precision::kBF16, Precision::kF16}) {
    if (precision == now.report.precision) continue;
    const std::string name(to_string(precision));
    Advice advice{.cause = "precision",
                  .finding = fmt::format("computed in {}", to_string(now.report.precision))};
    if (std::ranges::find(offered, precision) == offered.end()) {
      advice.finding += fmt::format(", and this device does not compute in {}", name);
      advices.push_back(std::move(advice));
      continue;
    }
    WorkFlags other = now.flags;
    other.model.precision = name;
    ACCEL_ASSIGN(advice.gain, gain_of_loading(now, other));
    advice.applies = advice.gain->low > kWorthwhile;
    advice.remedy = fmt::format("--precision {}", name);
    advices.push_back(std::move(advice));
  }
  return advices;
}

Result<Advice> advise_kernels(const Situation& now) {
  const std::vector<std::string> missing = missing_instructions(hardware::read_cpu());
  const bool own = now.report.kernels != "engine";
  Advice advice{.cause = "kernels",
                .finding = fmt::format(
                    "{} kernels; {}", now.report.kernels,
                    missing.empty() ? "this processor has all instructions that they use"
                                    : fmt::format("there are none for {}, which this processor "
                                                  "lacks",
                                                  fmt::join(missing, ", ")))};
  if (now.report.backend != "openvino" || now.report.device != "CPU") return advice;
  WorkFlags other = now.flags;
  other.model.kernels = own ? "engine" : "auto";
  ACCEL_ASSIGN(measure::RatioInterval gain, gain_of_loading(now, other));
  if (own) {  // what is there already gains, against the engine's
    gain = {.ratio = 1 / gain.ratio, .low = 1 / gain.high, .high = 1 / gain.low};
    advice.finding += "; the gain is that of accel's own over the engine's, and is already had";
  } else if (now.flags.model.kernels == "engine") {
    advice.remedy = "--kernels auto";
    advice.applies = gain.low > kWorthwhile;
  }
  advice.gain = gain;
  return advice;
}

Result<std::vector<Advice>> advise_all(const Situation& now) {
  std::vector<Advice> advices;
  ACCEL_ASSIGN(Advice warm_up, advise_warm_up(now));
  advices.push_back(std::move(warm_up));
  ACCEL_ASSIGN(Advice small, advise_small_model(now));
  advices.push_back(std::move(small));
  ACCEL_ASSIGN(std::vector<Advice> precisions, advise_precision(now));
  std::ranges::move(precisions, std::back_inserter(advices));
  ACCEL_ASSIGN(Advice kernels, advise_kernels(now));
  advices.push_back(std::move(kernels));
  return advices;
}

std::string advice_text(const Situation& now, const std::vector<Advice>& advices) {
  std::string text = fmt::format(
      "{}, {}: {:.3f} ms of an item, of which {:.3f} computing, in {} with {} kernels\n",
      items_text(now.work, now.flags.seed), now.work.task.name, now.item_ms, now.infer_ms,
      to_string(now.report.precision), now.report.kernels);
  for (const bool applies : {true, false}) {
    Table table;
    for (const Advice& advice : advices) {
      if (advice.applies != applies) continue;
      table.add({advice.cause, advice.finding});
      if (!advice.remedy.empty()) table.add({"", "remedy: " + advice.remedy});
      table.add({"", "measured gain: " + gain_text(advice)});
    }
    const std::string rows = table.text(2);
    if (!rows.empty()) text += (applies ? "\ncauses\n" : "\nlooked at, no cause here\n") + rows;
  }
  return text;
}

OrderedJson advice_json(const Situation& now, const std::vector<Advice>& advices) {
  OrderedJson json{{"schema", "accel-advise-1"},     {"task", now.work.task.name},
                   {"first_query_ms", now.first_ms}, {"item_ms", now.item_ms},
                   {"infer_ms", now.infer_ms},       {"advice", OrderedJson::array()},
                   {"machine", machine_json()}};
  for (const Advice& advice : advices) {
    OrderedJson one{{"cause", advice.cause},
                    {"applies", advice.applies},
                    {"finding", advice.finding},
                    {"remedy", advice.remedy},
                    {"gain", nullptr}};
    if (advice.gain) {
      one["gain"] = {
          {"ratio", advice.gain->ratio}, {"low", advice.gain->low}, {"high", advice.gain->high}};
    }
    json["advice"].push_back(std::move(one));
  }
  add_report(json, now.report);
  return json;
}

}  // namespace

Status run_advise(const Command& command, const Arguments& arguments) {
  WorkFlags given;
  given.texts_made = 8;
  bool json = false;
  Flags flags(command);
  given.declare(flags);
  flags.flag("--json", &json, "for programs");
  flags.example("accel advise all-MiniLM-L6-v2");
  ACCEL_ASSIGN(const bool help_shown, flags.parse(arguments));
  if (help_shown) return {};
  ACCEL_ASSIGN(const auto engine, make_engine());
  ACCEL_ASSIGN(const Work work, load_work(*engine, given));
  ACCEL_ASSIGN(const Situation now, look(*engine, given, work));
  ACCEL_ASSIGN(const std::vector<Advice> advices, advise_all(now));
  return print(json ? json_text(advice_json(now, advices)) : advice_text(now, advices));
}

}  // namespace accel::cli
