#include "cli/bench_report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "cli/installation.h"
#include "cli/moments.h"
#include "cli/statistics.h"
#include "cli/table.h"
#include "hardware/cpu.h"
#include "hardware/limits.h"
#include "measure/chart.h"

namespace accel::cli {
namespace {

constexpr double kMebibyte = 1 << 20;

const RunReport& report_of_runs(const BenchReport& report) {
  return report.runs.back().recording.report;
}

OrderedJson summary_json(const measure::Summary& summary) {
  return {{"avg", summary.avg}, {"min", summary.min}, {"max", summary.max}, {"p50", summary.p50},
          {"p90", summary.p90}, {"p95", summary.p95}, {"p99", summary.p99}};
}

OrderedJson plan_json(const measure::Plan& plan) {
  return {{"seconds", plan.seconds},
          {"queries", plan.queries},
          {"clients", plan.clients},
          {"items_per_query", plan.together},
          {"arrivals_per_sec", plan.per_second},
          {"seed", plan.seed}};
}

double metric_of(const BenchRun& run) {
  switch (run.plan.scenario) {
    case measure::Scenario::kSingleStream: return run.figures.latency_ms.p90;
    case measure::Scenario::kMultiStream:
    case measure::Scenario::kServer: return run.figures.latency_ms.p99;
    case measure::Scenario::kOffline:
    case measure::Scenario::kClients: return run.figures.items_per_s;
  }
  return 0;
}

OrderedJson prediction_json(const BenchRun& run) {
  const measure::HeldOut& held = *run.expected;
  OrderedJson json{{"measured_ms", held.measured.ms}};
  if (held.predicted.ok()) {
    json["predicted_ms"] = held.predicted->ms;
    json["error"] = held.error;
    json["by"] = measure::to_string(held.predicted->by);
  } else {
    json["reason"] = held.predicted.status().message();
  }
  json["from"] = OrderedJson::array();
  for (const measure::BatchTime& time : run.expected_from) {
    json["from"].push_back({{"items", time.items}, {"ms", time.ms}});
  }
  return json;
}

OrderedJson run_json(const BenchRun& run) {
  const measure::Recording& recording = run.recording;
  const measure::Figures& figures = run.figures;
  const measure::ScenarioFacts& facts = measure::facts_of(run.plan.scenario);
  OrderedJson json{{"scenario", facts.name},
                   {"metric", {{"name", facts.metric}, {"value", metric_of(run)}}},
                   {"plan", plan_json(run.plan)},
                   {"queries", recording.queries.size()},
                   {"items", recording.items},
                   {"tokens", recording.tokens},
                   {"padded_tokens", recording.padded_tokens},
                   {"wall_s", recording.wall_s},
                   {"latency_ms", summary_json(figures.latency_ms)},
                   {"latency_split_ms",
                    {{"queue", figures.split_ms.queue},
                     {"prepare", figures.split_ms.prepare},
                     {"infer", figures.split_ms.infer},
                     {"finish", figures.split_ms.finish}}},
                   {"throughput_items_per_sec", figures.items_per_s},
                   {"throughput_tokens_per_sec", figures.tokens_per_s},
                   {"throughput_over_time_items_per_sec", summary_json(figures.slices_items_per_s)},
                   {"memory_usage_mb", summary_json(figures.memory_mb)},
                   {"steady_memory_mb", figures.steady_mb},
                   {"warmup",
                    {{"queries", recording.warmup_queries},
                     {"seconds", recording.warmup_s},
                     {"first_query_ms", recording.first_s * 1e3}}},
                   {"latencies_ms", measure::latencies_ms(recording)}};
  if (run.expected) json["prediction"] = prediction_json(run);
  return json;
}

std::string shown_name(const BenchRun& run) {
  std::string name(measure::facts_of(run.plan.scenario).name);
  switch (run.plan.scenario) {
    case measure::Scenario::kClients: return fmt::format("{} {}", run.plan.clients, name);
    case measure::Scenario::kServer: return fmt::format("{} {:g}/s", name, run.plan.per_second);
    case measure::Scenario::kMultiStream: return fmt::format("{} of {}", name, run.plan.together);
    default: return name;
  }
}

std::string runs_text(const BenchReport& report) {
  std::vector<Align> columns(12, Align::kRight);
  columns.front() = Align::kLeft;
  Table table(columns);
  table.add({"", "queries", "items/s", "tokens/s", "padding", "ms avg", "min", "p50", "p90", "p95",
             "p99", "max"});
  for (const BenchRun& run : report.runs) {
    const measure::Figures& figures = run.figures;
    const measure::Summary& ms = figures.latency_ms;
    std::vector<std::string> row{
        shown_name(run), std::to_string(run.recording.queries.size()),
        fmt::format("{:.1f}", figures.items_per_s),
        run.recording.tokens > 0 ? fmt::format("{:.0f}", figures.tokens_per_s) : "-",
        run.recording.tokens > 0 ? fmt::format("{:.1f} %", figures.padding * 100) : "-"};
    for (const double value : {ms.avg, ms.min, ms.p50, ms.p90, ms.p95, ms.p99, ms.max}) {
      row.push_back(fmt::format("{:.3f}", value));
    }
    table.add(std::move(row));
  }
  return table.text(2);
}

std::string split_text(const BenchReport& report) {
  Table table({Align::kLeft, Align::kRight, Align::kRight, Align::kRight, Align::kRight,
               Align::kRight, Align::kRight});
  table.add({"", "queue", "prepare", "infer", "finish", "sum", "first query"});
  for (const BenchRun& run : report.runs) {
    const measure::Phases& ms = run.figures.split_ms;
    std::vector<std::string> row{shown_name(run)};
    for (const double value :
         {ms.queue, ms.prepare, ms.infer, ms.finish, ms.sum(), run.recording.first_s * 1e3}) {
      row.push_back(fmt::format("{:.3f}", value));
    }
    table.add(std::move(row));
  }
  return "\nms of a query, on average\n" + table.text(2);
}

std::string predictions_text(const BenchReport& report) {
  Table table({Align::kLeft, Align::kRight, Align::kRight, Align::kRight, Align::kLeft});
  table.add({"", "predicted", "measured", "error", "predicted from"});
  bool any = false;
  for (const BenchRun& run : report.runs) {
    if (!run.expected) continue;
    any = true;
    const measure::HeldOut& held = *run.expected;
    const std::string measured = fmt::format("{:.3f}", held.measured.ms);
    if (!held.predicted.ok()) {
      table.add({shown_name(run), "-", measured, "-", held.predicted.status().message()});
      continue;
    }
    std::vector<std::string> sizes;
    for (const measure::BatchTime& time : run.expected_from) {
      sizes.push_back(fmt::format("{:g}", time.items));
    }
    table.add(
        {shown_name(run), fmt::format("{:.3f}", held.predicted->ms), measured,
         fmt::format("{:+.1f} %", held.error * 100),
         fmt::format("{} ({})", fmt::join(sizes, ", "), measure::to_string(held.predicted->by))});
  }
  return any ? "\nms of a batch, by what other sizes took\n" + table.text(2) : "";
}

}  // namespace

nlohmann::ordered_json machine_json() {
  const hardware::CpuInfo cpu = hardware::read_cpu();
  const hardware::CpuLimits limits = hardware::read_cpu_limits();
  const hardware::MemoryLimits memory = hardware::read_memory_limits();
  utsname system{};
  const bool named = ::uname(&system) == 0;
  std::array<double, 3> load{};
  const int loads = ::getloadavg(load.data(), static_cast<int>(load.size()));
  OrderedJson quota = nullptr;
  if (limits.quota_cores) quota = *limits.quota_cores;
  OrderedJson memory_limit = nullptr;
  if (memory.cgroup_limit_bytes) {
    memory_limit = static_cast<double>(*memory.cgroup_limit_bytes) / kMebibyte;
  }
  return {{"cpu", cpu.model_name},
          {"architecture", cpu.architecture},
          {"features", cpu.features},
          {"sockets", cpu.sockets},
          {"cores", cpu.cores},
          {"logical_cpus", cpu.logical},
          {"affinity_cpus", limits.affinity},
          {"quota_cores", std::move(quota)},
          {"usable_threads", limits.usable},
          {"memory_mb", static_cast<double>(memory.total_bytes) / kMebibyte},
          {"memory_limit_mb", std::move(memory_limit)},
          {"system", named ? std::string(system.sysname) + " " + system.release : ""},
          {"load_average", loads > 0 ? OrderedJson(load[0]) : OrderedJson(nullptr)}};
}

nlohmann::ordered_json bench_json(const BenchReport& report) {
  OrderedJson json{{"schema", "accel-bench-1"},
                   {"accel", version()},
                   {"time", time_text(now_s())},
                   {"task", report.task},
                   {"inputs", {{"count", report.inputs}, {"source", report.input_source}}}};
  add_report(json, report_of_runs(report));
  json["load_s"] = report.load_s;
  json["peak_memory_mb"] = static_cast<double>(hardware::read_memory_use().peak_bytes) / kMebibyte;
  json["machine"] = report.machine;
  json["runs"] = OrderedJson::array();
  for (const BenchRun& run : report.runs) json["runs"].push_back(run_json(run));
  return json;
}

std::string bench_text(const BenchReport& report) {
  const RunReport& ran = report_of_runs(report);
  const double peak = static_cast<double>(hardware::read_memory_use().peak_bytes) / kMebibyte;
  const auto& machine = report.machine;
  const auto count = [&](const char* name) { return machine[name].get<int>(); };
  const std::string load = machine["load_average"].is_number()
                               ? fmt::format(", load {:.2f}", machine["load_average"].get<double>())
                               : "";
  return fmt::format("{}: {}, {} by {} on {}, {} kernels, {} stream{}, {} thread{}\n{}, {} of {} "
                     "threads{}\n\n",
                     printable(ran.model), report.task, to_string(ran.precision), ran.backend,
                     ran.device, ran.kernels, ran.streams, ran.streams == 1 ? "" : "s", ran.threads,
                     ran.threads == 1 ? "" : "s", printable(machine["cpu"].get<std::string>()),
                     count("usable_threads"), count("logical_cpus"), load) +
         runs_text(report) + split_text(report) + predictions_text(report) +
         fmt::format("\nmemory: {:.1f} MiB steady, {:.1f} MiB at its peak; loaded in {:.2f} s\n",
                     report.runs.back().figures.steady_mb, peak, report.load_s);
}

std::string bench_chart(const BenchReport& report) {
  std::vector<measure::LatencyChart> charts;
  for (const BenchRun& run : report.runs) {
    const RunReport& ran = run.recording.report;
    charts.push_back(
        {.title = ran.model + ", " + shown_name(run),
         .subtitle = fmt::format("{} by {} on {}, {} queries, {:.1f} items/s",
                                 to_string(ran.precision), ran.backend, ran.device,
                                 run.recording.queries.size(), run.figures.items_per_s),
         .latencies_ms = measure::latencies_ms(run.recording)});
  }
  return measure::to_svg(charts);
}

}  // namespace accel::cli
