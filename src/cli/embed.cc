// accel embed: texts to sentence embeddings.
#include <fmt/format.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "base/stopwatch.h"
#include "base/try.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/embed_run.h"
#include "cli/embedding_output.h"
#include "cli/interrupt.h"
#include "cli/model_flags.h"
#include "cli/server_flags.h"
#include "cli/statistics.h"
#include "cli/text_input.h"

namespace accel::cli {
namespace {

constexpr size_t kDirectTextsMax = 256;  // as many go through the model in one call
constexpr double kMeasureSecondsMax = 3;

struct EmbedFlags {
  ModelFlags model;
  ServerFlags server;
  std::vector<std::string> texts;
  std::string input;
  std::string output = "-";
  std::string format = "jsonl";
  std::string field;
  std::string prompt;
  int64_t dimensions = 0;
  bool strict = false;
  bool no_normalize = false;
  bool stats = false;

  void declare(Flags& flags);
  Status check() const;
  EmbedOptions options() const;
  TextInputOptions input_options() const;
  EmbeddingOutputOptions output_options(int64_t embedding_size) const;
};

void EmbedFlags::declare(Flags& flags) {
  model.declare(flags);
  server.declare(flags);
  flags.arguments("TEXT", &texts, 0, "texts; without any, lines of --input or standard input");
  flags.text("--input", "FILE|-", &input, "one text per line, or JSONL with --field");
  flags.text("--field", "NAME", &field,
             "lines are JSON objects and this field is the text; the others are carried through "
             "to jsonl and json");
  flags.text("--output", "FILE|-", &output,
             "a file appears when it is complete; - is standard output (default -)");
  const auto formats = embedding_format_names();
  flags.choice("--format", &format, {formats.begin(), formats.end()}, "(default jsonl)");
  flags.text("--prompt", "NAME", &prompt, "one of the model's prompts, put before each text");
  flags.number("--dimensions", &dimensions,
               "keep the first N numbers and normalise again; 0 keeps all (default 0)");
  flags.flag("--no-normalize", &no_normalize, "leave out the model's normalisation");
  flags.flag("--strict", &strict, "refuse invalid UTF-8 instead of replacing it");
  flags.flag("--stats", &stats,
             "end with one line of JSON on standard error; its rates leave out the loading");
  flags.example("accel embed all-MiniLM-L6-v2 'a text' 'another one'");
  flags.example("accel embed all-MiniLM-L6-v2 --input lines.txt --output vectors.npy --format npy");
  flags.example("accel embed minilm --input lines.txt --server http://localhost:8000");
  flags.example("zcat records.jsonl.gz | accel embed all-MiniLM-L6-v2 --input - --field text");
}

Status EmbedFlags::check() const {
  if (!texts.empty() && !input.empty()) {
    return invalid_argument("expected texts as arguments or --input, found both");
  }
  if (!texts.empty() && !field.empty()) {
    return invalid_argument("--field: expected --input with JSON lines, found texts as arguments");
  }
  if (texts.empty() && input.empty() && stdin_is_terminal()) {
    return invalid_argument(
        "expected texts: as arguments, as lines of --input FILE, or through a pipe "
        "(--input - reads what you type)");
  }
  return {};
}

EmbedOptions EmbedFlags::options() const {
  return {.prompt = prompt,
          .dimensions = dimensions,
          .normalize = !no_normalize,
          .strict_utf8 = strict};
}

TextInputOptions EmbedFlags::input_options() const {
  TextInputOptions options{.strict_utf8 = strict};
  if (!field.empty()) {
    options.form = LineForm::kRecord;
    options.field = field;
    if (carries_fields(embedding_format(format))) {
      options.reserved.assign(record_fields().begin(), record_fields().end());
    }
  }
  return options;
}

EmbeddingOutputOptions EmbedFlags::output_options(int64_t embedding_size) const {
  return {.format = embedding_format(format),
          .path = output,
          .size = dimensions > 0 ? dimensions : embedding_size};
}

// One run of the command, from the flags to the last byte.
class EmbedCommand {
 public:
  explicit EmbedCommand(EmbedFlags flags)
      : flags_(std::move(flags)), named_(!flags_.texts.empty()) {}

  Status run();

 private:
  Status load(const Interrupt* interrupt);
  int64_t embedding_size() const;
  Result<std::unique_ptr<EmbeddingStream>> stream() const;
  Result<EmbedResult> embed() const;
  Status embed_arguments();
  Status embed_input();
  void tell(double total_seconds) const;
  std::string statistics(double total_seconds) const;

  EmbedFlags flags_;
  const Clock::time_point began_ = Clock::now();
  std::unique_ptr<Engine> engine_;
  std::shared_ptr<Model> model_;
  std::unique_ptr<client::RemoteModel> remote_;  // in place of the two
  const bool named_;                             // MODEL was given, for texts are behind it
  double load_seconds_ = 0;
  EmbedTally tally_;
};

Status EmbedCommand::load(const Interrupt* interrupt) {
  auto began = Clock::now();
  if (flags_.server.given()) {
    ACCEL_ASSIGN(remote_, flags_.server.open(flags_.model, named_, interrupt));
  } else {
    ACCEL_ASSIGN(engine_, flags_.model.make_engine());
    began = Clock::now();
    ACCEL_ASSIGN(model_, flags_.model.load(*engine_, Use::kEmbed));
  }
  load_seconds_ = seconds_since(began);
  return {};
}

int64_t EmbedCommand::embedding_size() const {
  return remote_ ? remote_->facts().embedding_size : model_->report().embedding_size;
}

Result<std::unique_ptr<EmbeddingStream>> EmbedCommand::stream() const {
  if (remote_) return remote_->embed_stream(flags_.options());
  return model_->embed_stream({.embed = flags_.options()});
}

Result<EmbedResult> EmbedCommand::embed() const {
  return remote_ ? remote_->embed(flags_.texts, flags_.options())
                 : model_->embed(flags_.texts, flags_.options());
}

// A handful of texts: one call, nothing around it.
Status EmbedCommand::embed_arguments() {
  ACCEL_TRY(load(/*interrupt=*/nullptr));
  if (flags_.strict) {
    const auto checked = text_input_of(flags_.texts, flags_.input_options());
    for (size_t i = 0; i < flags_.texts.size(); ++i) ACCEL_TRY(checked->next().status());
  }
  ACCEL_ASSIGN(const EmbedResult result, embed());
  EmbeddingOutputOptions output = flags_.output_options(embedding_size());
  output.count = flags_.texts.size();
  ACCEL_ASSIGN(const auto writer, open_embedding_writer(output));
  ACCEL_TRY(write_result(result, {}, *writer, tally_));
  return writer->finish();
}

Status EmbedCommand::embed_input() {
  ACCEL_ASSIGN(const auto interrupt, Interrupt::create());
  TextInputOptions input_options = flags_.input_options();
  input_options.stop_fd = interrupt->stop_fd();
  if (!flags_.server.given()) {
    ACCEL_ASSIGN(const LoadOptions load_options, flags_.model.options(Use::kEmbed));
    if (!load_options.rules.empty()) input_options.reserved.emplace_back("device");
  }
  std::optional<uint64_t> count;
  if (!flags_.texts.empty()) count = flags_.texts.size();
  const std::string path = flags_.input.empty() ? "-" : flags_.input;
  std::unique_ptr<TextInput> input;
  if (count) {
    input = text_input_of(std::move(flags_.texts), input_options);
  } else {
    ACCEL_ASSIGN(input, open_text_input(path, input_options));
  }
  ACCEL_TRY(load(interrupt.get()));
  EmbeddingOutputOptions output = flags_.output_options(embedding_size());
  output.count = count;
  if (!count && needs_count(output) && path != "-" && input->size_bytes()) {
    ACCEL_ASSIGN(output.count, count_texts(path, input_options.form));
  }
  ACCEL_ASSIGN(const auto writer, open_embedding_writer(output));
  const bool bar = flags_.output != "-" || !stdout_is_terminal();
  ACCEL_ASSIGN(const auto stream, this->stream());
  ACCEL_TRY(run_embed_stream({*stream, *input, *writer, *interrupt, /*progress=*/bar}, tally_));
  const Status finished = writer->finish();
  return tally_.interrupted && finished.code() == StatusCode::kFailedPrecondition ? Status()
                                                                                  : finished;
}

void EmbedCommand::tell(double total_seconds) const {
  if (tally_.replaced_utf8 > 0) {
    notice(fmt::format("{} invalid UTF-8 {} replaced by U+FFFD; --strict refuses them",
                       tally_.replaced_utf8,
                       tally_.replaced_utf8 == 1 ? "sequence was" : "sequences were"));
  }
  notice_report(tally_.report, flags_.model.model);
  if (flags_.stats) notice_line(statistics(total_seconds));
}

std::string EmbedCommand::statistics(double total_seconds) const {
  const double running = std::max(total_seconds - load_seconds_, 1e-9);
  nlohmann::ordered_json line{{"texts", tally_.texts},
                              {"tokens", tally_.tokens},
                              {"replaced_utf8", tally_.replaced_utf8},
                              {"load_seconds", load_seconds_}};
  if (model_ != nullptr) {
    line["padded_tokens"] = tally_.padded_tokens;
    line["tokenize_seconds"] = tally_.times.tokenize;
    line["infer_seconds"] = tally_.times.infer;
  }
  line["total_seconds"] = total_seconds;
  line["texts_per_sec"] = static_cast<double>(tally_.texts) / running;
  line["tokens_per_sec"] = static_cast<double>(tally_.tokens) / running;
  add_memory(line);
  add_report(line, tally_.report);
  if (model_ != nullptr) add_shares(line, *model_);
  return line.dump();
}

Status EmbedCommand::run() {
  ACCEL_TRY(flags_.check());
  const bool direct = !flags_.texts.empty() && flags_.texts.size() <= kDirectTextsMax;
  ACCEL_TRY(direct ? embed_arguments() : embed_input());
  tell(seconds_since(began_));
  if (tally_.interrupted) {
    return cancelled(
        fmt::format("interrupted after {} texts; what was written is valid", tally_.texts));
  }
  if (remote_ != nullptr) return {};
  model_.reset();
  end_output();
  ACCEL_ASSIGN(const LoadOptions options, flags_.model.options(Use::kEmbed));
  const bool usual = options.use_optimum == UseOptimum::kAuto;  // what is measured
  if (tally_.texts > 0 && usual && tally_.report.precision_source == "unmeasured") {
    // The answer is out; only the next run would notice a failure, and it would measure again.
    const auto ignored = engine_->measure(options.path, tally_.report.device, kMeasureSecondsMax);
  }
  return {};
}

}  // namespace

Status run_embed(const Command& command, const Arguments& arguments) {
  EmbedFlags given;
  Flags flags(command);
  given.declare(flags);
  ACCEL_ASSIGN(const bool help_shown, flags.parse(arguments));
  if (help_shown) return {};
  return EmbedCommand(std::move(given)).run();
}

}  // namespace accel::cli
