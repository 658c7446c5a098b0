// accel compare: two settings of a model on the same inputs in turns, or two results of accel
// bench.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "base/try.h"
#include "cli/bench_report.h"
#include "cli/commands.h"
#include "cli/comparison.h"
#include "cli/console.h"
#include "cli/installation.h"
#include "cli/settings_text.h"
#include "cli/statistics.h"
#include "cli/table.h"
#include "cli/wire.h"
#include "cli/work.h"
#include "measure/difference.h"
#include "measure/rounds.h"

namespace accel::cli {
namespace {

constexpr int64_t kPairsLeast = 15;
constexpr int64_t kPairsMost = 100'000;
constexpr int64_t kTextsCompared = 16;

struct CompareFlags {
  WorkFlags work;
  std::string first;
  std::string second;
  std::string expect;
  int64_t pairs = kPairsLeast;
  bool together = false;
  bool json = false;

  void declare(Flags& flags);
  bool of_files() const {
    return work.model.model.ends_with(".json") && work.inputs.size() == 1 &&
           work.inputs.front().ends_with(".json");
  }
  Result<std::optional<double>> expected() const;
};

void CompareFlags::declare(Flags& flags) {
  work.texts_made = kTextsCompared;
  work.declare(flags);
  flags.text("--a", "NAME=VALUE,...", &first,
             "what the first side has otherwise than the flags say: backend, batch-rows, "
             "batch-tokens, device, hang-seconds, isolation, kernels, model, precision, streams, "
             "threads, use-optimum");
  flags.text("--b", "NAME=VALUE,...", &second, "likewise the second side");
  flags.number("--pairs", &pairs, "rounds of each side, at least 15 (default 15)");
  flags.flag("--together", &together, "a round is one call for all inputs, not one for each");
  flags.text("--expect", "X", &expect,
             "fails unless the second side is at least X times as fast as the first");
  flags.flag("--json", &json, "for programs");
  flags.example("accel compare all-MiniLM-L6-v2 --a backend=reference --b backend=openvino");
  flags.example("accel compare all-MiniLM-L6-v2 --b precision=bf16 --expect 1.3");
  flags.example("accel compare before.json after.json");
}

Result<std::optional<double>> CompareFlags::expected() const {
  if (expect.empty()) return std::optional<double>();
  const char* end = expect.data() + expect.size();
  double value = 0;
  const auto read = std::from_chars(expect.data(), end, value);
  if (read.ec != std::errc() || read.ptr != end || !(value > 0)) {
    return invalid_argument(fmt::format("--expect: expected a number above 0, found '{}'", expect));
  }
  return std::optional(value);
}

// What of a report the other has not, in the order of its importance.
std::string side_name(const RunReport& report, const RunReport& other, std::string_view otherwise) {
  std::vector<std::string> parts;
  const auto add = [&](const auto& mine, const auto& theirs, const std::string& shown) {
    if (mine != theirs) parts.push_back(shown);
  };
  add(report.backend, other.backend, report.backend);
  add(report.device, other.device, report.device);
  add(report.isolation, other.isolation, std::string(to_string(report.isolation)));
  add(report.precision, other.precision, std::string(to_string(report.precision)));
  if (report.backend == other.backend) {
    add(report.kernels, other.kernels, report.kernels + " kernels");
    add(report.streams, other.streams, fmt::format("{} streams", report.streams));
    add(report.threads, other.threads, fmt::format("{} threads", report.threads));
  }
  add(report.model, other.model, printable(report.model));
  if (parts.empty()) return std::string(otherwise);
  return fmt::format("{}", fmt::join(parts, ", "));
}

struct Comparison {
  measure::PairedTimes rounds;
  ComparedTimes times;
  measure::Difference difference;
  measure::Bound bound;
  bool same_answers = false;  // within the bound
};

std::string difference_text(const Comparison& found) {
  const measure::Difference& apart = found.difference;
  Table table;
  table.add({"largest difference", fmt::format("{:.3g}", apart.max_abs)});
  table.add({"by the largest number",
             fmt::format("{:.3g}, expected at most {:g}", apart.relative, found.bound.relative)});
  table.add({"least cosine",
             fmt::format("{:.7f}, expected at least {:g}", apart.cosine, found.bound.cosine)});
  if (apart.words_differ > 0) {
    table.add({"other words", fmt::format("{} of {} items", apart.words_differ, apart.items)});
  }
  if (apart.counts_differ > 0) {
    table.add({"other sizes", fmt::format("{} of {} items", apart.counts_differ, apart.items)});
  }
  table.add({"verdict", found.same_answers ? "what rounding does"
                                           : "MORE THAN ROUNDING: these are other answers"});
  return "\nanswers\n" + table.text(2);
}

OrderedJson comparison_json(const Comparison& found, const Work& work,
                            std::optional<double> expected) {
  const auto side = [](const RunReport& report, double median, const std::vector<double>& rounds) {
    OrderedJson json{{"median_s", median}, {"rounds_s", rounds}};
    add_report(json, report);
    return json;
  };
  OrderedJson wanted = nullptr;
  if (expected) wanted = *expected;
  const measure::Difference& apart = found.difference;
  return {{"schema", "accel-compare-1"},
          {"accel", version()},
          {"task", work.task.name},
          {"inputs", {{"count", work.items.size()}, {"source", work.source}}},
          {"first", side(found.rounds.first_report, found.times.first_s, found.rounds.first)},
          {"second", side(found.rounds.second_report, found.times.second_s, found.rounds.second)},
          {"latency_improvement", found.times.ratio.ratio},
          {"low", found.times.ratio.low},
          {"high", found.times.ratio.high},
          {"expected", std::move(wanted)},
          {"answers",
           {{"max_abs", apart.max_abs},
            {"relative", apart.relative},
            {"relative_bound", found.bound.relative},
            {"cosine", apart.cosine},
            {"cosine_bound", found.bound.cosine},
            {"other_words", apart.words_differ},
            {"other_sizes", apart.counts_differ},
            {"within_bound", found.same_answers}}},
          {"machine", machine_json()}};
}

Result<Work> load_side(Engine& engine, WorkFlags flags, const std::string& settings,
                       const Work* like) {
  ACCEL_TRY(apply_settings(settings, flags));
  return like == nullptr ? load_work(engine, flags) : load_work(engine, flags, *like);
}

Result<Comparison> measure_sides(const CompareFlags& flags, const Work& first, const Work& second) {
  if (first.task.name != second.task.name) {
    return failed_precondition(fmt::format("expected one task for both, found {} and {}",
                                           first.task.name, second.task.name));
  }
  Comparison found;
  ACCEL_ASSIGN(const auto first_answers, answers_of(first, flags.work));
  ACCEL_ASSIGN(const auto second_answers, answers_of(second, flags.work));
  found.difference = measure::difference_of(first_answers, second_answers);
  ACCEL_ASSIGN(found.rounds, measure::run_pairs({.pairs = static_cast<int>(flags.pairs),
                                                 .together = flags.together},
                                                first.items, first.call, second.call));
  const RunReport& one = found.rounds.first_report;
  const RunReport& other = found.rounds.second_report;
  found.bound = measure::bound_of(one.precision, other.precision);
  found.same_answers = measure::within(found.difference, found.bound);
  found.times = {.first = side_name(one, other, "a"),
                 .second = side_name(other, one, "b"),
                 .first_s = measure::median(found.rounds.first),
                 .second_s = measure::median(found.rounds.second),
                 .ratio = measure::paired_ratio(found.rounds.first, found.rounds.second)};
  return found;
}

Status compare(const CompareFlags& flags) {
  ACCEL_ASSIGN(const std::optional<double> expected, flags.expected());
  if (flags.of_files()) {
    return compare_files({.first_path = flags.work.model.model,
                          .second_path = flags.work.inputs.front(),
                          .expected = expected,
                          .json = flags.json});
  }
  if (flags.pairs < kPairsLeast || flags.pairs > kPairsMost) {
    return invalid_argument(
        fmt::format("--pairs: expected {} to {}, found {}", kPairsLeast, kPairsMost, flags.pairs));
  }
  if (flags.first.empty() && flags.second.empty()) {
    return invalid_argument(
        "expected what the sides differ in, as --a backend=reference or --b precision=bf16, or two "
        "result files of accel bench");
  }
  ACCEL_ASSIGN(const auto engine, make_engine());
  const auto side = [](Result<Work> work, std::string_view name) -> Result<Work> {
    if (!work.ok()) return work.status().with_context(name);
    return work;
  };
  ACCEL_ASSIGN(const Work first,
               side(load_side(*engine, flags.work, flags.first, nullptr), "the first side"));
  ACCEL_ASSIGN(const Work second,
               side(load_side(*engine, flags.work, flags.second, &first), "the second side"));
  ACCEL_ASSIGN(const Comparison found, measure_sides(flags, first, second));
  notice_report(found.rounds.first_report, flags.work.model.model);
  if (flags.json) {
    ACCEL_TRY(print(json_text(comparison_json(found, first, expected))));
  } else {
    ACCEL_TRY(print(fmt::format("{}, {}; medians of {} rounds each, taken in turns\n\n",
                                items_text(first, flags.work.seed), first.task.name, flags.pairs) +
                    times_text(found.times) + difference_text(found)));
  }
  return check_expected(found.times, expected);
}

}  // namespace

Status run_compare(const Command& command, const Arguments& arguments) {
  CompareFlags given;
  Flags flags(command);
  given.declare(flags);
  ACCEL_ASSIGN(const bool help_shown, flags.parse(arguments));
  if (help_shown) return {};
  return compare(given);
}

}  // namespace accel::cli
