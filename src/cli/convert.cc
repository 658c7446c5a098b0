// accel convert: any model to OpenVINO IR, its weights in the precision that is asked for.
#include <fmt/format.h>

#include <charconv>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "accel/engine.h"
#include "base/try.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/installation.h"
#include "cli/interrupt.h"
#include "cli/model_flags.h"
#include "cli/table.h"
#include "cli/wire.h"

namespace accel::cli {
namespace {

struct ConvertFlags {
  std::string source;
  std::string positional_output;
  std::string output;
  std::string precision = "f32";
  std::string fixed;
  std::string layout = "folder";
  std::string task;
  std::string use_optimum = "auto";
  int64_t group_size = 128;
  bool symmetric = false;
  bool no_check = false;
  bool force = false;
  bool json = false;

  void declare(Flags& flags);
  Result<ConvertOptions> options() const;
};

void ConvertFlags::declare(Flags& flags) {
  flags.argument("SRC", &source, "a model: whatever accel run takes");
  flags.optional_argument("OUT", &positional_output,
                          "a folder that is not there yet (default NAME-openvino, with the "
                          "precision behind it)");
  flags.text("--output", "OUT", &output, "the same by name");
  flags.text("--precision", "f32|f16|bf16|int8|int4", &precision,
             "of the weights: f32 leaves them as they are stored; int8 and int4 are integers with "
             "scales (default f32)");
  flags.flag("--symmetric", &symmetric, "integers without a zero point");
  flags.number("--group-size", &group_size, "numbers per scale of int4 (default 128)");
  flags.text("--static", "B,L", &fixed, "fixed sizes: the batch, and the length in tokens");
  flags.choice("--layout", &layout, {"folder", "flat"},
               "openvino_model.xml in OUT, or models/openvino/NAME/NAME.xml (default folder)");
  flags.text("--task", "TASK", &task, "what the graph computes (default: what the model is for)");
  declare_use_optimum(flags, &use_optimum);
  flags.flag("--no-check", &no_check, "do not run source and result to compare them");
  flags.flag("--force", &force, "replace a converted model that is there");
  flags.flag("--json", &json, "for programs; always so in a pipe");
  flags.example("accel convert all-MiniLM-L6-v2 --precision int8");
  flags.example("accel convert model.onnx my-model");
}

// "4" or "4,128".
Result<std::pair<int64_t, int64_t>> parse_sizes(std::string_view text) {
  std::pair<int64_t, int64_t> sizes{0, 0};
  const char* end = text.data() + text.size();
  auto [at, error] = std::from_chars(text.data(), end, sizes.first);
  bool fine = error == std::errc() && sizes.first > 0;
  if (fine && at != end) {
    fine = *at == ',';
    if (fine) {
      const auto length = std::from_chars(at + 1, end, sizes.second);
      fine = length.ec == std::errc() && length.ptr == end && sizes.second > 0;
    }
  }
  if (fine) return sizes;
  return invalid_argument(
      fmt::format("--static: expected a batch and a length like 4,128, or a batch, found '{}'",
                  printable(text)));
}

Result<ConvertOptions> ConvertFlags::options() const {
  if (!positional_output.empty() && !output.empty()) {
    return invalid_argument("expected OUT or --output, found both");
  }
  const auto parsed = parse_precision(precision);
  if (!parsed.ok()) return parsed.status().with_context("--precision");
  std::pair<int64_t, int64_t> sizes{0, 0};
  if (!fixed.empty()) {
    ACCEL_ASSIGN(sizes, parse_sizes(fixed));
  }
  return ConvertOptions{.source = source,
                        .output = output.empty() ? positional_output : output,
                        .precision = *parsed,
                        .symmetric = symmetric,
                        .group_size = group_size,
                        .static_batch = sizes.first,
                        .static_length = sizes.second,
                        .layout = layout == "flat" ? Layout::kFlat : Layout::kFolder,
                        .task = task,
                        .use_optimum = parse_use_optimum(use_optimum),
                        .check = !no_check,
                        .force = force};
}

std::string sizes_text(const Shape& shape) {
  std::string text;
  for (const int64_t size : shape) text += (text.empty() ? "" : " x ") + std::to_string(size);
  return text;
}

std::string report_text(const ConvertReport& report) {
  Table files({Align::kLeft, Align::kRight});
  for (const ConvertedFile& file : report.files) files.add({file.name, human_bytes(file.bytes)});
  Table weights({Align::kLeft, Align::kRight, Align::kRight, Align::kRight});
  weights.add({"stored as", "tensors", "before", "now"});
  for (const WeightTally& tally : report.weights) {
    weights.add({tally.format, with_separators(tally.tensors), human_bytes(tally.bytes_before),
                 human_bytes(tally.bytes)});
  }
  std::string text = fmt::format("{}: {}, {} from {}\n\nfiles\n{}\nweights\n{}",
                                 printable(report.path), report.precision, printable(report.task),
                                 printable(report.source), files.text(2), weights.text(2));
  if (report.checked) {
    Table errors({Align::kLeft, Align::kLeft, Align::kRight, Align::kRight, Align::kRight});
    errors.add({"output", "sizes", "largest error", "relative", "cosine"});
    for (const OutputError& error : report.errors) {
      errors.add({error.name, sizes_text(error.shape), fmt::format("{:.3g}", error.max_abs),
                  fmt::format("{:.3g}", error.relative), fmt::format("{:.6f}", error.cosine)});
    }
    text += "\ncheck against the source, on the same inputs\n" + errors.text(2);
  }
  return text + fmt::format("\n{} from {} in {:.1f} s{}\n", human_bytes(report.bytes),
                            human_bytes(report.source_bytes), report.convert_s,
                            report.checked ? fmt::format(", checked in {:.1f} s", report.check_s)
                                           : ", not checked");
}

nlohmann::ordered_json report_json(const ConvertReport& report) {
  nlohmann::ordered_json out{{"path", report.path},
                             {"graph", report.graph},
                             {"precision", report.precision},
                             {"task", report.task},
                             {"source", report.source},
                             {"source_kind", report.source_kind},
                             {"source_bytes", report.source_bytes},
                             {"bytes", report.bytes},
                             {"files", nlohmann::ordered_json::array()},
                             {"weights", nlohmann::ordered_json::array()},
                             {"check", nullptr},
                             {"convert_s", report.convert_s},
                             {"check_s", report.check_s}};
  for (const ConvertedFile& file : report.files) {
    out["files"].push_back({{"name", file.name}, {"bytes", file.bytes}});
  }
  for (const WeightTally& tally : report.weights) {
    out["weights"].push_back({{"format", tally.format},
                              {"tensors", tally.tensors},
                              {"bytes_before", tally.bytes_before},
                              {"bytes", tally.bytes}});
  }
  if (report.checked) out["check"] = nlohmann::ordered_json::array();
  for (const OutputError& error : report.errors) {
    out["check"].push_back({{"output", error.name},
                            {"shape", error.shape},
                            {"max_abs", error.max_abs},
                            {"relative", error.relative},
                            {"cosine", error.cosine}});
  }
  return out;
}

}  // namespace

Status run_convert(const Command& command, const Arguments& arguments) {
  ConvertFlags given;
  Flags flags(command);
  given.declare(flags);
  ACCEL_ASSIGN(const bool help_shown, flags.parse(arguments));
  if (help_shown) return {};
  ACCEL_ASSIGN(ConvertOptions options, given.options());
  ACCEL_ASSIGN(const auto engine, make_engine());
  ACCEL_ASSIGN(const auto interrupt, Interrupt::create());
  std::string step;
  options.progress = [&](const ConvertProgress& progress) {
    if (stderr_is_terminal() && step != progress.step) {
      step = progress.step;
      notice_line(step + " ...");
    }
    return !interrupt->signalled();
  };
  ACCEL_ASSIGN(const ConvertReport report, engine->convert(options));
  const bool readable = stdout_is_terminal() && !given.json;
  return print(readable ? report_text(report) : json_text(report_json(report)));
}

}  // namespace accel::cli
