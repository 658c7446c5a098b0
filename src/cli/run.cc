// accel run: what a model is for, on the user's own inputs.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "base/stopwatch.h"
#include "base/try.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/drawing.h"
#include "cli/installation.h"
#include "cli/interrupt.h"
#include "cli/model_flags.h"
#include "cli/output_file.h"
#include "cli/server_flags.h"
#include "cli/statistics.h"
#include "cli/task_input.h"
#include "cli/task_output.h"
#include "cli/task_run.h"
#include "hardware/limits.h"

namespace accel::cli {
namespace {

constexpr int64_t kUnset = -1;

struct RunFlags {
  ModelFlags model;
  ServerFlags server;
  std::vector<std::string> inputs;
  std::string input;
  std::string output = "-";
  std::string context;
  std::string labels;
  std::string function;
  std::string hypothesis;
  std::string aggregation;
  std::string targets;
  int64_t top_k = kUnset;
  int64_t window_tokens = kUnset;
  int64_t stride_tokens = kUnset;
  int64_t max_answer_tokens = kUnset;
  std::string threshold;
  std::string timestamps;
  std::string prompt;
  bool pool = false;
  std::string draw;
  bool multi_label = false;
  bool no_answer = false;
  bool jsonl = false;
  bool json = false;
  bool report = false;
  bool strict = false;
  bool stats = false;

  void declare(Flags& flags);
  Status check() const;
  Result<TaskOptions> options() const;
  TaskDefaults defaults() const;
};

void RunFlags::declare(Flags& flags) {
  model.declare(flags);
  server.declare(flags);
  flags.arguments("INPUT", &inputs, 0,
                  "texts, or files (images, sounds), folders and patterns of them; of a task that "
                  "chooses, a text or file and what there is to choose from; without any, lines of "
                  "--input or standard input");
  flags.text("--task", "NAME", &model.task, "what to do (default: what the model is for)");
  flags.text("--input", "FILE|-", &input,
             "one text or path per line, or with --jsonl one object per line");
  flags.flag(
      "--jsonl", &jsonl,
      "lines are JSON objects with what the task takes: text, or question and context, image, "
      "audio ...; "
      "other members are carried through");
  flags.text("--output", "FILE|-", &output,
             "a file appears when it is complete; - is standard output (default -)");
  flags.flag("--json", &json, "one JSON object per input on a terminal, too");
  flags.flag("--report", &report,
             "one JSON object for all: results, latency_ms, throughput_items_per_sec, "
             "memory_usage_mb and what ran; it keeps all results until the end; "
             "docs/reference/run_schema.json describes it");
  flags.text("--context", "TEXT", &context,
             "the second text of each input: what a question asks about, the other one of a pair");
  flags.text("--labels", "A,B,...", &labels, "the candidate labels of a zero-shot task");
  flags.number("--top-k", &top_k, "how many answers, the best ones; 0: all");
  flags.choice("--function", &function, {"softmax", "sigmoid", "none"},
               "how a classifier's numbers become scores (default: what the model says)");
  flags.flag("--multi-label", &multi_label, "each candidate label is true or false for itself");
  flags.text("--hypothesis", "TEXT", &hypothesis,
             "the sentence for a candidate label, at {} (default: This example is {}.)");
  flags.choice("--aggregation", &aggregation, {"none", "simple", "first", "max", "average"},
               "how tokens become entities (default simple)");
  flags.text("--targets", "A,B,...", &targets, "the only words that may fill a mask");
  flags.number("--window", &window_tokens, "tokens of a window of a long text");
  flags.number("--stride", &stride_tokens, "tokens by which windows overlap");
  flags.number("--max-answer", &max_answer_tokens, "tokens of an answer (default 15)");
  flags.flag("--no-answer", &no_answer, "that there is no answer may be the answer");
  flags.text("--threshold", "X", &threshold, "the least score of an object, 0 to 1 (default 0.5)");
  flags.choice("--timestamps", &timestamps, {"word", "char"}, "when each was said");
  flags.flag("--pool", &pool, "of features one vector for the whole, where the model pools");
  flags.text("--prompt", "NAME", &prompt,
             "the model's prompt that goes before each text to embed; with late interaction query "
             "or document (default document)");
  flags.text("--draw", "PATH", &draw,
             "objects as boxes on their image, or a map of an image's classes: a .png file, or a "
             "folder for several images");
  flags.flag("--strict", &strict, "refuse invalid UTF-8 instead of replacing it");
  flags.flag("--stats", &stats, "end with one line of JSON on standard error");
  flags.example("accel run sentiment 'What a lovely day!'");
  flags.example("accel run squad 'Who wrote it?' --context \"$(cat page.txt)\"");
  flags.example("accel run reranker 'a query' 'one document' 'another document'");
  flags.example("accel run nli 'The pump is leaking.' --task zero-shot-classification "
                "--labels 'urgent,not urgent'");
  flags.example("accel run detr street.jpg --draw boxes.png");
  flags.example("accel run clip photos/ --labels 'a cat,a dog,neither'");
  flags.example("accel run wav2vec2 speech.flac --timestamps word");
  flags.example("accel run splade 'a cheap hotel by the sea' --top-k 20");
  flags.example("accel run ner --input lines.txt --output entities.jsonl");
  flags.example("accel run ner 'Ada met Charles.' --server http://localhost:8000");
}

Status RunFlags::check() const {
  if (!inputs.empty() && !input.empty()) {
    return invalid_argument("expected inputs as arguments or --input, found both");
  }
  if (!inputs.empty() && jsonl) {
    return invalid_argument("--jsonl: expected lines of --input, found inputs as arguments");
  }
  if (inputs.empty() && input.empty() && stdin_is_terminal()) {
    return invalid_argument(
        "expected inputs: as arguments, as lines of --input FILE, or through a pipe (--input - "
        "reads what you type)");
  }
  return {};
}

Result<TaskOptions> RunFlags::options() const {
  const auto number = [](int64_t value) {
    return value == kUnset ? std::nullopt : std::optional(value);
  };
  const auto text = [](const std::string& value) {
    return value.empty() ? std::nullopt : std::optional(value);
  };
  TaskOptions options{.top_k = number(top_k),
                      .function = text(function),
                      .hypothesis = text(hypothesis),
                      .aggregation = text(aggregation),
                      .window_tokens = number(window_tokens),
                      .stride_tokens = number(stride_tokens),
                      .max_answer_tokens = number(max_answer_tokens),
                      .timestamps = text(timestamps),
                      .prompt = text(prompt),
                      .strict_utf8 = strict};
  if (!threshold.empty()) {
    const char* end = threshold.data() + threshold.size();
    double value = 0;
    const auto read = std::from_chars(threshold.data(), end, value);
    if (read.ec != std::errc() || read.ptr != end) {
      return invalid_argument(
          fmt::format("--threshold: expected a number from 0 to 1, found '{}'", threshold));
    }
    options.threshold = value;
  }
  if (multi_label) options.multi_label = true;
  if (no_answer) options.no_answer = true;
  if (pool) options.pool = true;
  if (!targets.empty()) options.targets = split_at_commas(targets);
  return options;
}

TaskDefaults RunFlags::defaults() const {
  TaskDefaults defaults{.choices = split_at_commas(labels)};
  if (!context.empty()) defaults.second_text = context;
  return defaults;
}

// One run of the command, from the flags to the last byte.
class RunCommand {
 public:
  explicit RunCommand(RunFlags flags) : flags_(std::move(flags)), defaults_(flags_.defaults()) {}

  Status run();

 private:
  Status open();
  Result<std::unique_ptr<TaskSource>> source();
  std::string statistics() const;
  OrderedJson report() const;

  RunFlags flags_;
  const TaskDefaults defaults_;
  const Clock::time_point began_ = Clock::now();
  double load_seconds_ = 0;
  double run_seconds_ = 0;                      // from the first input to the last answer
  OrderedJson results_ = OrderedJson::array();  // for report()
  std::unique_ptr<Interrupt> interrupt_;
  std::unique_ptr<Engine> engine_;
  std::shared_ptr<Model> model_;  // null: a server's
  std::unique_ptr<TaskStream> stream_;
  TaskTally tally_;
  bool alone_ = false;  // there is one item only, given on the command line
};

Status RunCommand::open() {
  ACCEL_ASSIGN(TaskOptions options, flags_.options());
  if (flags_.server.given()) {
    ACCEL_ASSIGN(
        const auto remote,
        flags_.server.open(flags_.model, /*named=*/!flags_.inputs.empty(), interrupt_.get()));
    ACCEL_ASSIGN(stream_, remote->run_stream({flags_.model.task, std::move(options)}));
    return {};
  }
  ACCEL_ASSIGN(engine_, flags_.model.make_engine());
  ACCEL_ASSIGN(model_, flags_.model.load(*engine_, Use::kRun));
  ACCEL_ASSIGN(const LoadOptions loaded, flags_.model.options(Use::kRun));
  ACCEL_ASSIGN(stream_, model_->run_stream({loaded.task, std::move(options)}));
  return {};
}

Result<std::unique_ptr<TaskSource>> RunCommand::source() {
  if (!flags_.inputs.empty()) {
    ACCEL_ASSIGN(std::vector<TaskItem> items,
                 items_of(stream_->task(), std::move(flags_.inputs), defaults_));
    alone_ = items.size() == 1;
    return source_of(std::move(items));
  }
  return open_source(stream_->task(),
                     {.path = flags_.input.empty() ? "-" : flags_.input,
                      .json = flags_.jsonl,
                      .stop_fd = interrupt_->stop_fd()},
                     defaults_);
}

std::string RunCommand::statistics() const {
  const double total = seconds_since(began_);
  const double running = std::max(total - load_seconds_, 1e-9);
  nlohmann::ordered_json line{{"task", stream_->task().name},
                              {"items", tally_.items},
                              {"failed", tally_.failed},
                              {"load_seconds", load_seconds_}};
  if (model_ != nullptr) {
    const TaskTimes times = stream_->times();
    line["prepare_seconds"] = times.prepare;
    line["decode_seconds"] = times.decode;
    line["infer_seconds"] = times.infer;
    line["finish_seconds"] = times.finish;
  }
  line["total_seconds"] = total;
  line["items_per_sec"] = static_cast<double>(tally_.items) / running;
  add_memory(line);
  add_report(line, stream_->report());
  if (model_ != nullptr) add_shares(line, *model_);
  return line.dump();
}

OrderedJson RunCommand::report() const {
  OrderedJson json{{"task", stream_->task().name},
                   {"load_ms", load_seconds_ * 1e3},
                   {"latency_ms", run_seconds_ * 1e3},
                   {"throughput_items_per_sec",
                    static_cast<double>(tally_.items) / std::max(run_seconds_, 1e-9)}};
  constexpr double kMebibyte = 1 << 20;
  json["memory_usage_mb"] =
      static_cast<double>(hardware::read_memory_use().resident_bytes) / kMebibyte;
  add_report(json, stream_->report());
  json["results"] = results_;
  return json;
}

Status RunCommand::run() {
  ACCEL_TRY(flags_.check());
  ACCEL_ASSIGN(interrupt_, Interrupt::create());
  ACCEL_TRY(open());
  if (!flags_.draw.empty() && !can_draw(stream_->task().name)) {
    return invalid_argument(fmt::format("--draw: {} gives nothing to draw; object-detection and "
                                        "image-segmentation do",
                                        stream_->task().name));
  }
  load_seconds_ = seconds_since(began_);
  ACCEL_ASSIGN(const auto items, source());
  ACCEL_ASSIGN(const auto output, OutputFile::create(flags_.output));
  const bool people =
      flags_.output == "-" && !flags_.json && !flags_.report && stdout_is_terminal();
  Drawing drawing(flags_.draw);
  const std::function<Status(TaskRecord)> write = [&](TaskRecord record) -> Status {
    if (!flags_.draw.empty() && record.result.ok()) {
      ACCEL_ASSIGN(record.drawn, drawing.draw(*record.result, record.file));
    }
    if (flags_.report) {
      results_.push_back(OrderedJson::parse(json_line(record)));
      return {};
    }
    output->buffer() += people ? readable(record, alone_) : json_line(record);
    ACCEL_TRY(output->written());
    return output->flush();
  };
  const auto running = Clock::now();
  ACCEL_TRY(run_task({.stream = *stream_,
                      .source = *items,
                      .write = write,
                      .interrupt = *interrupt_,
                      .progress = !people},
                     tally_));
  run_seconds_ = seconds_since(running);
  if (flags_.report) output->buffer() += json_text(report());
  ACCEL_TRY(output->commit());
  notice_report(stream_->report(), flags_.model.model);
  if (flags_.stats) notice_line(statistics());
  if (tally_.interrupted) {
    return cancelled(
        fmt::format("interrupted after {} inputs; what was written is valid", tally_.items));
  }
  if (tally_.failed == 0) return {};
  if (tally_.items == 1) return tally_.first_failure;
  return tally_.first_failure.with_context(
      fmt::format("{} of {} inputs failed, the first", tally_.failed, tally_.items));
}

}  // namespace

Status run_run(const Command& command, const Arguments& arguments) {
  RunFlags given;
  Flags flags(command);
  given.declare(flags);
  ACCEL_ASSIGN(const bool help_shown, flags.parse(arguments));
  if (help_shown) return {};
  return RunCommand(std::move(given)).run();
}

}  // namespace accel::cli
