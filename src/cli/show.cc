// accel show: what a model folder holds, without running it; --verify reads its weights.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/try.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/installation.h"
#include "cli/model_flags.h"
#include "cli/table.h"
#include "cli/wire.h"

namespace accel::cli {
namespace {

std::string shape_text(const Shape& shape) {
  std::vector<std::string> sizes;
  for (const int64_t size : shape) sizes.push_back(size < 0 ? "?" : std::to_string(size));
  return fmt::format("[{}]", fmt::join(sizes, ", "));
}

std::string ports_text(const std::vector<PortReport>& ports) {
  Table table;
  for (const PortReport& port : ports) {
    table.add({port.name, std::string(to_string(port.dtype)), shape_text(port.shape),
               port.optional ? "optional" : ""});
  }
  return table.text(2);
}

std::string readable(const ModelReport& report) {
  Table table;
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) table.add({name, value});
  };
  const auto add_number = [&](const char* name, int64_t value) {
    if (value > 0) table.add({name, with_separators(static_cast<uint64_t>(value))});
  };
  add("folder", report.path);
  if (!report.family.empty()) {
    add("family", fmt::format("{} ({})", report.family, report.architecture));
  }
  add("made of", report.source);
  add("tasks", fmt::format("{}", fmt::join(report.tasks, ", ")));
  add("parameters", with_separators(report.parameters));
  add("weights",
      fmt::format("{}, {} on disk{}", report.weights_dtype, human_bytes(report.bytes_on_disk),
                  report.unpacked_tensors == 0
                      ? ""
                      : fmt::format(", {} tensors unpacked to f32", report.unpacked_tensors)));
  add_number("layers", report.layers);
  add_number("hidden size", report.hidden_size);
  add_number("vocabulary", report.vocabulary);
  add_number("longest input", report.max_tokens);
  add_number("embedding size", report.embedding_size);
  if (report.embedding_size > 0) {
    const bool said = report.pooling != "by the graph";
    const char* length = report.normalized ? ", normalised" : ", not normalised";
    add("pooling", report.pooling + (said ? length : ""));
  }
  if (report.lower_case) add("text", "lower-cased");
  add("prompts", fmt::format("{}", fmt::join(report.prompts, ", ")));
  return fmt::format("{}\ninputs\n{}\noutputs\n{}", table.text(), ports_text(report.inputs),
                     ports_text(report.outputs));
}

nlohmann::ordered_json ports_json(const std::vector<PortReport>& ports) {
  auto list = nlohmann::ordered_json::array();
  for (const PortReport& port : ports) {
    list.push_back({{"name", port.name},
                    {"dtype", to_string(port.dtype)},
                    {"shape", port.shape},
                    {"optional", port.optional}});
  }
  return list;
}

nlohmann::ordered_json as_json(const ModelReport& report) {
  return {{"path", report.path},
          {"family", report.family},
          {"architecture", report.architecture},
          {"source", report.source},
          {"tasks", report.tasks},
          {"inputs", ports_json(report.inputs)},
          {"outputs", ports_json(report.outputs)},
          {"parameters", report.parameters},
          {"weights_dtype", report.weights_dtype},
          {"unpacked_tensors", report.unpacked_tensors},
          {"bytes_on_disk", report.bytes_on_disk},
          {"hidden_size", report.hidden_size},
          {"layers", report.layers},
          {"vocabulary", report.vocabulary},
          {"max_tokens", report.max_tokens},
          {"embedding_size", report.embedding_size},
          {"pooling", report.pooling},
          {"normalized", report.normalized},
          {"lower_case", report.lower_case},
          {"prompts", report.prompts}};
}

std::string verify_text(const VerifyReport& report) {
  Table table;
  for (const DamagedWeight& weight : report.damaged) {
    table.add({printable(weight.name), std::string(to_string(weight.dtype)),
               shape_text(weight.shape), with_separators(weight.nan) + " NaN",
               with_separators(weight.infinite) + " infinite", printable(weight.file)});
  }
  const std::string all = fmt::format("{} tensors with {} numbers", with_separators(report.tensors),
                                      with_separators(report.elements));
  if (report.damaged.empty()) return fmt::format("\nweights\n  {}, all finite\n", all);
  return fmt::format("\nweights that are no numbers\n{}", table.text(2));
}

nlohmann::ordered_json verify_json(const VerifyReport& report) {
  auto damaged = nlohmann::ordered_json::array();
  for (const DamagedWeight& weight : report.damaged) {
    damaged.push_back({{"name", weight.name},
                       {"dtype", to_string(weight.dtype)},
                       {"shape", weight.shape},
                       {"nan", weight.nan},
                       {"infinite", weight.infinite},
                       {"file", weight.file}});
  }
  return {{"tensors", report.tensors}, {"elements", report.elements}, {"damaged", damaged}};
}

// The exit code of a model with damaged weights.
Status verdict(const VerifyReport& report) {
  if (report.damaged.empty()) return {};
  return data_loss(fmt::format(
      "{} of {} tensors hold NaN or infinity, the first {}; fetch the file again, or ask whoever "
      "trained it",
      report.damaged.size(), report.tensors, printable(report.damaged.front().name)));
}

}  // namespace

Status run_show(const Command& command, const Arguments& arguments) {
  std::string path;
  bool json = false;
  bool verify = false;
  Flags flags(command);
  flags.argument("MODEL", &path,
                 "a model folder, an alias, org/name of the Hub's cache, or a model's file");
  std::string use_optimum = "auto";
  declare_use_optimum(flags, &use_optimum);
  flags.flag("--json", &json, "for programs");
  flags.flag("--verify", &verify,
             "also read all weights once, and name those that hold NaN or infinity");
  ACCEL_ASSIGN(const bool help_shown, flags.parse(arguments));
  if (help_shown) return {};
  ACCEL_ASSIGN(const auto engine, make_engine());
  ACCEL_ASSIGN(const ModelReport report, engine->describe(path, parse_use_optimum(use_optimum)));
  VerifyReport verified;
  if (verify) {
    ACCEL_ASSIGN(verified, engine->verify(path));
  }
  const std::vector<BackendReport> backends = examine_backends(*engine);
  if (json) {
    nlohmann::ordered_json out = as_json(report);
    if (verify) out["weights"] = verify_json(verified);
    out["backends"] = backends_json(backends);
    ACCEL_TRY(print(json_text(out)));
  } else {
    ACCEL_TRY(print(readable(report) + (verify ? verify_text(verified) : "") +
                    unavailable_text(backends)));
  }
  return verdict(verified);
}

}  // namespace accel::cli
