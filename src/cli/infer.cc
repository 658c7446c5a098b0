// accel infer: raw named tensors in and out.
#include <fmt/format.h>

#include <string>

#include "base/try.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/model_flags.h"
#include "cli/statistics.h"
#include "tensors/tensor_files.h"

namespace accel::cli {
namespace {

bool ends_with_npy(const std::string& path) {
  if (path.size() < 4) return false;
  std::string suffix = path.substr(path.size() - 4);
  for (char& c : suffix) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return suffix == ".npy";
}

// A single array has no place for more than one output.
Status check_output(const std::string& path, const NamedTensors& outputs) {
  if (outputs.size() == 1 || !ends_with_npy(path)) return {};
  std::string names;
  for (const NamedTensor& output : outputs) {
    names += (names.empty() ? "" : ", ") + output.name;
  }
  return invalid_argument(fmt::format(
      "--output: expected a .safetensors or .npz file for {} outputs ({}), found {}, which holds "
      "one array",
      outputs.size(), names, path));
}

}  // namespace

Status run_infer(const Command& command, const Arguments& arguments) {
  ModelFlags model_flags;
  std::string inputs_path;
  std::string output_path;
  InferOptions options;
  Flags flags(command);
  model_flags.declare(flags);
  flags.text("--inputs", "FILE", &inputs_path,
             "the model's inputs by name: .safetensors, .npz, or one .npy named like its input");
  flags.text("--output", "FILE", &output_path,
             "all outputs that the inputs determine: .safetensors, .npz, or .npy for a single one");
  flags.text("--task", "NAME", &model_flags.task,
             "what is computed: feature-extraction, fill-mask, text-classification ... (default: "
             "what the model's config.json says)");
  flags.flag("--hidden-states", &options.hidden_states,
             "also the states before and after each layer, as hidden_states.N");
  flags.example("accel infer bert-base --inputs ids.npz --output states.safetensors");
  ACCEL_ASSIGN(const bool help_shown, flags.parse(arguments));
  if (help_shown) return {};
  if (inputs_path.empty())
    return invalid_argument("expected --inputs FILE; see accel infer --help");
  if (output_path.empty())
    return invalid_argument("expected --output FILE; see accel infer --help");
  ACCEL_ASSIGN(const NamedTensors inputs, tensors::read_tensors(inputs_path));
  ACCEL_ASSIGN(const auto engine, model_flags.make_engine());
  ACCEL_ASSIGN(const auto model, model_flags.load(*engine, Use::kInfer));
  ACCEL_ASSIGN(const InferResult result, model->infer(inputs, options));
  ACCEL_TRY(check_output(output_path, result.outputs));
  ACCEL_TRY(tensors::write_tensors(output_path, result.outputs));
  notice_report(result.report, model_flags.model);
  return {};
}

}  // namespace accel::cli
