// accel pull: a model from a hub into the cache that the Hub's clients share.
#include <fmt/format.h>

#include <chrono>
#include <string>

#include "base/try.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/installation.h"
#include "cli/interrupt.h"
#include "cli/progress.h"
#include "cli/pulling.h"
#include "cli/table.h"
#include "cli/task_input.h"
#include "hub/aliases.h"
#include "hub/download.h"
#include "hub/settings.h"

namespace accel::cli {
namespace {

struct PullFlags {
  std::string model;
  std::string endpoint;
  std::string include;
  std::string exclude;
  int64_t jobs = 4;
  bool all = false;
  bool dry_run = false;
  bool json = false;
  bool quiet = false;

  void declare(Flags& flags);
};

void PullFlags::declare(Flags& flags) {
  flags.argument("MODEL", &model,
                 "org/name, org/name@REVISION (a branch, a tag or a commit), or "
                 "an alias of one");
  flags.text("--endpoint", "URL", &endpoint, "the hub (default: $HF_ENDPOINT, else the Hub)");
  flags.text("--include", "PATTERNS", &include,
             "these files instead of those that accel needs: '*.json,onnx/*'");
  flags.text("--exclude", "PATTERNS", &exclude, "but not these");
  flags.flag("--all", &all, "every file: other frameworks' weights, pictures, texts for people");
  flags.number("--jobs", &jobs, "files at a time, 1 to 16 (default 4)");
  flags.flag("--dry-run", &dry_run, "only say what would be downloaded");
  flags.flag("--json", &json, "for programs, on a terminal too; a pipe always gets it");
  flags.flag("--quiet", &quiet, "no progress on standard error");
  flags.example("accel pull sentence-transformers/all-MiniLM-L6-v2");
  flags.example("accel pull org/name@v1.0 --include '*Q4_K_M.gguf'");
}

Result<hub::PullOptions> pull_options(const PullFlags& flags) {
  ACCEL_ASSIGN(const std::string name,
               hub::Aliases(hub::user_places().aliases).resolve(flags.model));
  ACCEL_ASSIGN(const hub::ModelName model, hub::parse_model_name(name));
  if (flags.jobs < 1 || flags.jobs > 16) {
    return invalid_argument(fmt::format("--jobs: expected 1 to 16, found {}", flags.jobs));
  }
  if (flags.all && !flags.include.empty()) {
    return invalid_argument("--all and --include: expected one of them");
  }
  Result<hub::PullOptions> options = hub_options(flags.endpoint);
  if (!options.ok()) return options.status();
  options->name = model;
  options->selection = {split_at_commas(flags.include), split_at_commas(flags.exclude), flags.all};
  options->jobs = static_cast<int>(flags.jobs);
  options->dry_run = flags.dry_run;
  return options;
}

OrderedJson pull_json(const hub::PullOptions& options, const hub::PullReport& report,
                      double seconds) {
  OrderedJson out{{"model", options.name.repository},
                  {"revision", options.name.revision_or_main()},
                  {"commit", report.commit},
                  {"endpoint", options.endpoint},
                  {"path", report.folder.string()},
                  {"weights", report.choice.weights},
                  {"bytes", report.choice.bytes},
                  {"bytes_downloaded", report.bytes_downloaded},
                  {"files_left_out", report.choice.skipped},
                  {"bytes_left_out", report.choice.bytes_skipped},
                  {"seconds", seconds},
                  {"dry_run", options.dry_run},
                  {"files", OrderedJson::array()}};
  for (const hub::PulledFile& file : report.files) {
    out["files"].push_back({{"name", file.file.name},
                            {"bytes", file.file.size},
                            {"hash", file.file.hash},
                            {"state", hub::to_string(file.state)}});
  }
  return out;
}

std::string pull_text(const hub::PullOptions& options, const hub::PullReport& report,
                      double seconds) {
  Table table({Align::kLeft, Align::kRight, Align::kLeft});
  for (const hub::PulledFile& file : report.files) {
    const bool fetch = options.dry_run && file.state != hub::PulledState::kCached;
    table.add({file.file.name, human_bytes(file.file.size),
               fetch ? "to download" : std::string(hub::to_string(file.state))});
  }
  std::string text = table.text(2);
  text +=
      fmt::format("{} at {}: {} {} of {}{}\n", options.name.text(), report.commit.substr(0, 12),
                  human_bytes(report.bytes_downloaded),
                  options.dry_run ? "to download" : "downloaded", human_bytes(report.choice.bytes),
                  options.dry_run ? "" : fmt::format(" in {:.1f} s", seconds));
  if (report.choice.skipped > 0) {
    text += fmt::format("{} files ({}) are not needed and were left out; --all takes them\n",
                        report.choice.skipped, human_bytes(report.choice.bytes_skipped));
  }
  if (!options.dry_run) text += printable(report.folder.string()) + "\n";
  return text;
}

}  // namespace

Status run_pull(const Command& command, const Arguments& arguments) {
  PullFlags given;
  Flags flags(command);
  given.declare(flags);
  ACCEL_ASSIGN(const bool help_shown, flags.parse(arguments));
  if (help_shown) return {};
  ACCEL_ASSIGN(hub::PullOptions options, pull_options(given));
  ACCEL_ASSIGN(const auto interrupt, Interrupt::create());
  options.stop_fd = interrupt->stop_fd();
  options.waiting = [&options] {
    notice("another process pulls " + options.name.repository + "; waiting for it");
  };
  const auto began = std::chrono::steady_clock::now();
  Result<hub::PullReport> report = internal_error("nothing was pulled");
  {
    Progress progress(!given.quiet, ProgressUnit::kBytes);
    options.progress = [&progress](const hub::PullProgress& now) {
      if (now.bytes_total == 0) return;
      progress.update(now.bytes,
                      static_cast<double>(now.bytes) / static_cast<double>(now.bytes_total));
    };
    report = hub::pull(options);
  }
  if (!report.ok()) return report.status();
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - began;
  const bool json = given.json || !stdout_is_terminal();
  return print(json ? json_text(pull_json(options, *report, seconds.count()))
                    : pull_text(options, *report, seconds.count()));
}

}  // namespace accel::cli
