// accel bench: how fast a model answers, in the scenarios of MLPerf Inference.
#include <fmt/format.h>

#include <charconv>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "base/files.h"
#include "base/try.h"
#include "cli/bench_report.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/installation.h"
#include "cli/measured_speeds.h"
#include "cli/statistics.h"
#include "cli/task_input.h"
#include "cli/wire.h"
#include "cli/work.h"

namespace accel::cli {
namespace {

constexpr int64_t kClientsMax = 1024;
constexpr int64_t kBenchSecondsMax = 86'400;
constexpr int64_t kQueriesMax = 10'000'000;
constexpr int64_t kTogetherMax = 65'536;
constexpr double kArrivalsMax = 1e6;

struct BenchFlags {
  WorkFlags work;
  std::string scenario;  // empty: batches where these are given, else the two usual ones
  std::string clients = "1,4,16,64";
  std::string arrivals = "100";
  int64_t together = 8;
  std::string batch;
  int64_t seconds = 10;
  int64_t queries = 0;
  bool json = false;
  std::string output_json;
  std::string chart;

  void declare(Flags& flags);
  // One for each scenario, and of clients one for each number of them.
  Result<std::vector<measure::Plan>> plans() const;
};

void BenchFlags::declare(Flags& flags) {
  work.declare(flags);
  flags.text("--scenario", "NAME,...", &scenario,
             "single-stream: one item after the other; multi-stream: several at once; server: as "
             "they arrive by chance; offline: all at once; clients: several that each wait for "
             "their answer (default single-stream,offline)");
  flags.text("--clients", "N,...", &clients, "of clients (default 1,4,16,64)");
  flags.text("--qps", "N", &arrivals,
             "of server: items that arrive per second on average; latency counts from the arrival "
             "(default 100)");
  flags.number("--together", &together, "of multi-stream: items at once (default 8)");
  flags.text("--batch", "N,...", &batch,
             "batches of so many items, as multi-stream, with the time that the other sizes, also "
             "those measured before, let expect of each; alone unless --scenario is given");
  flags.number("--seconds", &seconds, "how long to measure, each scenario (default 10)");
  flags.number("--queries", &queries,
               "measure so many queries instead, however long they take; 0: by --seconds (default "
               "0)");
  flags.flag("--json", &json, "for programs; docs/reference/bench_schema.json describes it");
  flags.text("--output-json", "FILE", &output_json, "writes the JSON to a file, too");
  flags.text("--chart", "FILE", &chart, "writes an SVG file with the latencies as a histogram");
  flags.example("accel bench all-MiniLM-L6-v2");
  flags.example("accel bench all-MiniLM-L6-v2 --scenario clients --clients 1,4,16,64 --seconds 5");
  flags.example("accel bench all-MiniLM-L6-v2 --scenario server --qps 200 --chart latency.svg");
  flags.example("accel bench all-MiniLM-L6-v2 --batch 1,2,4,8");
  flags.example("accel bench detr photos/ --output-json detr.json");
}

Status check_range(std::string_view name, int64_t number, int64_t most) {
  if (number >= 1 && number <= most) return {};
  return invalid_argument(fmt::format("{}: expected 1 to {}, found {}", name, most, number));
}

Result<double> positive_number(std::string_view name, const std::string& text, double most) {
  const char* end = text.data() + text.size();
  double value = 0;
  const auto read = std::from_chars(text.data(), end, value);
  if (read.ec == std::errc() && read.ptr == end && value > 0 && value <= most) return value;
  return invalid_argument(
      fmt::format("{}: expected a number above 0 and up to {:g}, found '{}'", name, most, text));
}

Result<std::vector<measure::Plan>> BenchFlags::plans() const {
  ACCEL_TRY(check_range("--seconds", seconds, kBenchSecondsMax));
  if (queries > 0) ACCEL_TRY(check_range("--queries", queries, kQueriesMax));
  ACCEL_TRY(check_range("--together", together, kTogetherMax));
  measure::Plan plan{.seconds = static_cast<double>(seconds),
                     .queries = static_cast<uint64_t>(queries),
                     .together = static_cast<size_t>(together),
                     .seed = static_cast<uint64_t>(work.seed)};
  ACCEL_ASSIGN(plan.per_second, positive_number("--qps", arrivals, kArrivalsMax));
  std::vector<measure::Plan> plans;
  const std::string chosen = scenario.empty() && batch.empty() ? "single-stream,offline" : scenario;
  for (const std::string& name : split_at_commas(chosen)) {
    const auto parsed = measure::parse_scenario(name);
    if (!parsed.ok()) return parsed.status().with_context("--scenario");
    plan.scenario = *parsed;
    if (plan.scenario != measure::Scenario::kClients) {
      plans.push_back(plan);
      continue;
    }
    for (const std::string& number : split_at_commas(clients)) {
      ACCEL_ASSIGN(const double count,
                   positive_number("--clients", number, static_cast<double>(kClientsMax)));
      measure::Plan several = plan;
      several.clients = std::max(1, static_cast<int>(count));
      plans.push_back(several);
    }
  }
  plan.scenario = measure::Scenario::kMultiStream;
  for (const std::string& number : split_at_commas(batch)) {
    ACCEL_ASSIGN(const double size,
                 positive_number("--batch", number, static_cast<double>(kTogetherMax)));
    plan.together = static_cast<size_t>(std::max(1.0, size));
    plans.push_back(plan);
  }
  if (!plans.empty()) return plans;
  return invalid_argument("--scenario: expected at least one, found none");
}

Status write_whole(const std::string& path, const std::string& text) {
  ACCEL_ASSIGN(const auto file, AtomicFile::create(path));
  ACCEL_TRY(file->write(text));
  return file->commit();
}

Status bench(const BenchFlags& flags) {
  ACCEL_ASSIGN(const std::vector<measure::Plan> plans, flags.plans());
  BenchReport report{.machine = machine_json()};
  ACCEL_ASSIGN(const auto engine, make_engine());
  ACCEL_ASSIGN(const Work work, load_work(*engine, flags.work));
  report.task = work.task.name;
  report.input_source = work.source;
  report.inputs = work.items.size();
  report.load_s = work.load_s;
  for (const measure::Plan& plan : plans) {
    auto recording = measure::run_scenario(plan, work.items, work.call);
    if (!recording.ok()) {
      return recording.status().with_context(measure::facts_of(plan.scenario).name);
    }
    const measure::Figures figures = measure::figures_of(*recording);
    report.runs.push_back({plan, std::move(*recording), figures});
  }
  ACCEL_ASSIGN(MeasuredSpeeds speeds, MeasuredSpeeds::create(*engine));
  speeds.predict_and_remember(work, flags.work.seed, report);
  const std::string json = json_text(bench_json(report));
  if (!flags.output_json.empty()) ACCEL_TRY(write_whole(flags.output_json, json));
  if (!flags.chart.empty()) ACCEL_TRY(write_whole(flags.chart, bench_chart(report)));
  notice_report(report.runs.back().recording.report, flags.work.model.model);
  if (flags.json) return print(json);
  return print(items_text(work, flags.work.seed) + " to " + bench_text(report));
}

}  // namespace

Status run_bench(const Command& command, const Arguments& arguments) {
  BenchFlags given;
  Flags flags(command);
  given.declare(flags);
  ACCEL_ASSIGN(const bool help_shown, flags.parse(arguments));
  if (help_shown) return {};
  return bench(given);
}

}  // namespace accel::cli
