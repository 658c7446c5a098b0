// Two result files of accel bench, compared run by run.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/try.h"
#include "cli/comparison.h"
#include "cli/console.h"
#include "cli/installation.h"
#include "cli/table.h"
#include "measure/bench_file.h"

namespace accel::cli {
namespace {

constexpr uint64_t kResultBytesMax = uint64_t{1} << 30;

Result<measure::BenchFile> open_result(const std::string& path) {
  ACCEL_ASSIGN(const std::string text, read_file(path, kResultBytesMax));
  Result<measure::BenchFile> file = measure::parse_bench_file(text);
  if (!file.ok()) return file.status().with_context(path);
  return file;
}

const measure::BenchedRun* run_called(const measure::BenchFile& file, const std::string& name) {
  const auto it = std::ranges::find(file.runs, name, &measure::BenchedRun::name);
  return it == file.runs.end() ? nullptr : &*it;
}

// What stands for a side: what of it the other has not.
std::string side_of_file(const measure::BenchFile& file, const measure::BenchFile& other,
                         const std::string& path) {
  std::vector<std::string> parts;
  for (const auto member :
       {&measure::BenchFile::backend, &measure::BenchFile::device, &measure::BenchFile::precision,
        &measure::BenchFile::kernels, &measure::BenchFile::model, &measure::BenchFile::machine}) {
    if (file.*member != other.*member) parts.push_back(printable(file.*member));
  }
  return parts.empty() ? printable(path) : fmt::format("{}", fmt::join(parts, " "));
}

struct FileComparison {
  std::string run;
  ComparedTimes times;
};

struct ComparedFiles {
  std::vector<FileComparison> runs;
  std::vector<std::string> lacking;  // "offline: b.json has no data"
};

Result<ComparedFiles> compare_runs(const ComparisonFlags& flags, const measure::BenchFile& a,
                                   const measure::BenchFile& b) {
  ComparedFiles compared;
  std::vector<std::string> names;
  for (const measure::BenchFile* file : {&a, &b}) {
    for (const measure::BenchedRun& run : file->runs) {
      if (std::ranges::find(names, run.name) == names.end()) names.push_back(run.name);
    }
  }
  for (const std::string& name : names) {
    const measure::BenchedRun* first = run_called(a, name);
    const measure::BenchedRun* second = run_called(b, name);
    const bool first_has = first != nullptr && !first->latencies_ms.empty();
    const bool second_has = second != nullptr && !second->latencies_ms.empty();
    if (!first_has || !second_has) {
      const std::string& path = first_has ? flags.second_path : flags.first_path;
      const std::string side = first_has || second_has
                                   ? path + " has"
                                   : flags.first_path + " and " + flags.second_path + " have";
      compared.lacking.push_back(fmt::format("{}: {} no data", name, side));
      continue;
    }
    compared.runs.push_back(
        {name,
         {.first = side_of_file(a, b, flags.first_path),
          .second = side_of_file(b, a, flags.second_path),
          .first_s = measure::median(first->latencies_ms) / 1e3,
          .second_s = measure::median(second->latencies_ms) / 1e3,
          .ratio = measure::unpaired_ratio(first->latencies_ms, second->latencies_ms)}});
  }
  if (!compared.runs.empty()) return compared;
  if (compared.lacking.empty()) compared.lacking.push_back("neither file has a run");
  return failed_precondition(
      fmt::format("nothing to compare: {}; expected runs of the same scenarios in both, from accel "
                  "bench --output-json",
                  fmt::join(compared.lacking, "; ")));
}

OrderedJson files_json(const ComparisonFlags& flags, const ComparedFiles& compared) {
  OrderedJson json{{"schema", "accel-compare-files-1"},
                   {"first", flags.first_path},
                   {"second", flags.second_path},
                   {"runs", OrderedJson::array()},
                   {"lacking", compared.lacking}};
  for (const FileComparison& one : compared.runs) {
    json["runs"].push_back({{"run", one.run},
                            {"first", one.times.first},
                            {"second", one.times.second},
                            {"first_s", one.times.first_s},
                            {"second_s", one.times.second_s},
                            {"latency_improvement", one.times.ratio.ratio},
                            {"low", one.times.ratio.low},
                            {"high", one.times.ratio.high}});
  }
  return json;
}

}  // namespace

std::string times_text(const ComparedTimes& times) {
  const int digits = std::min(times.first_s, times.second_s) < 0.1 ? 6 : 3;
  return fmt::format("{}: {:.{}f}s\n{}: {:.{}f}s\nSpeedup: {:.2f}x (95 %: {:.2f} to {:.2f})\n",
                     times.first, times.first_s, digits, times.second, times.second_s, digits,
                     times.ratio.ratio, times.ratio.low, times.ratio.high);
}

Status check_expected(const ComparedTimes& times, std::optional<double> expected) {
  if (!expected || times.ratio.ratio >= *expected) return {};
  return failed_precondition(fmt::format(
      "expected {} to be at least {:g} times as fast as {}, found {:.3f} (95 %: {:.3f} to {:.3f})",
      times.second, *expected, times.first, times.ratio.ratio, times.ratio.low, times.ratio.high));
}

Status compare_files(const ComparisonFlags& flags) {
  ACCEL_ASSIGN(const measure::BenchFile a, open_result(flags.first_path));
  ACCEL_ASSIGN(const measure::BenchFile b, open_result(flags.second_path));
  if (a.task != b.task || a.inputs != b.inputs) {
    return failed_precondition(fmt::format(
        "expected the same task and inputs in both, found {} of {} in {}, and {} of {} in {}",
        a.task, a.inputs, flags.first_path, b.task, b.inputs, flags.second_path));
  }
  ACCEL_ASSIGN(const ComparedFiles compared, compare_runs(flags, a, b));
  if (flags.json) {
    ACCEL_TRY(print(json_text(files_json(flags, compared))));
  } else {
    std::string text = "medians of the latencies of a query\n";
    for (const FileComparison& one : compared.runs) {
      text += "\n" + one.run + "\n" + times_text(one.times);
    }
    for (const std::string& one : compared.lacking) text += "\n" + printable(one) + "\n";
    ACCEL_TRY(print(text));
  }
  if (!flags.expected) return {};
  for (const FileComparison& one : compared.runs) {
    const Status met = check_expected(one.times, flags.expected);
    if (!met.ok()) return met.with_context(one.run);
  }
  if (compared.lacking.empty()) return {};
  return failed_precondition(
      fmt::format("--expect cannot be judged: {}", fmt::join(compared.lacking, "; ")));
}

}  // namespace accel::cli
