#include "cli/model_flags.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/try.h"

namespace accel::cli {
namespace {

constexpr int64_t kThreadsMax = 4096;

// Names of earlier OpenVINO releases.
struct FormerDevice {
  std::string_view name;
  std::string_view fate;
};
constexpr std::array<FormerDevice, 4> kFormerDevices{{
    {"MYRIAD", "MYRIAD ended with OpenVINO 2022.3, and what follows it is NPU"},
    {"VPU", "VPU is called NPU now"},
    {"HDDL", "HDDL ended with OpenVINO 2022.3, and what follows it is NPU"},
    {"GNA", "GNA ended with OpenVINO 2023.3, and what follows it is NPU"},
}};

Status check_count(std::string_view name, int64_t number) {
  if (number <= kThreadsMax) return {};
  return invalid_argument(
      fmt::format("{}: expected at most {}, found {}", name, kThreadsMax, number));
}

}  // namespace

void ModelFlags::declare(Flags& flags) {
  flags.optional_argument(
      "MODEL", &model,
      "a model folder, an alias, org/name of the Hub's cache, or a model's file: GGUF, ONNX, "
      "OpenVINO IR, TensorFlow, TensorFlow Lite, Paddle (default: what the alias 'default' stands "
      "for, else sentence-transformers/all-MiniLM-L6-v2)");
  flags.text("--precision", "auto|f32|bf16|f16", &precision,
             "arithmetic, in any usual spelling; auto is the fastest measured on this machine that "
             "keeps the answers, and f32 until measured (default auto)");
  flags.choice("--backend", &backend, {"openvino", "reference"},
               "what computes; reference is slow and made to check the other (default openvino)");
  flags.choice("--kernels", &kernels, {"auto", "engine"},
               "auto takes accel's own where they are faster, engine only the engine's (default "
               "auto)");
  flags.text("--device", "NAME", &device, "one of those that accel devices lists (default CPU)");
  flags.number("--streams", &streams, "batches in flight; 0 chooses (default 0)");
  flags.number("--threads", &threads,
               "of all streams together; 0 takes what this process may use (default 0)");
  declare_use_optimum(flags, &use_optimum);
  flags.flag("--no-cache", &no_cache,
             "converts and compiles anew, and keeps nothing of it (accel cache)");
}

void declare_use_optimum(Flags& flags, std::string* value) {
  flags.choice(
      "--use-optimum", value, {"auto", "true", "false"},
      "of a folder with a checkpoint and a graph exported from it: true runs the graph "
      "(openvino_model.xml before model.onnx), false the checkpoint or else an ONNX graph, "
      "auto the checkpoint where accel builds its family (default auto)");
}

UseOptimum parse_use_optimum(std::string_view value) {
  if (value == "true") return UseOptimum::kTrue;
  return value == "false" ? UseOptimum::kFalse : UseOptimum::kAuto;
}

Status explain_device(const Status& status, std::string_view device) {
  if (status.code() != StatusCode::kNotFound) return status;
  const auto found = std::ranges::find_if(kFormerDevices, [device](const FormerDevice& former) {
    return device.substr(0, device.find('.')) == former.name;
  });
  if (found == kFormerDevices.end()) return status;
  return not_found(fmt::format("{}; {}", status.message(), found->fate));
}

Result<std::shared_ptr<Model>> ModelFlags::load(Engine& engine, Use use) const {
  ACCEL_TRY(check_count("--streams", streams));
  ACCEL_TRY(check_count("--threads", threads));
  const auto parsed = parse_precision(precision);
  if (!parsed.ok()) return parsed.status().with_context("--precision");
  auto loaded = engine.load({.path = model,
                             .backend = backend,
                             .device = device,
                             .precision = *parsed,
                             .streams = static_cast<int>(streams),
                             .threads = static_cast<int>(threads),
                             .own_kernels = kernels == "auto",
                             .task = task,
                             .use = use,
                             .use_optimum = parse_use_optimum(use_optimum),
                             .cache = !no_cache,
                             .profile = profile});
  if (!loaded.ok()) return explain_device(loaded.status(), device);
  return loaded;
}

}  // namespace accel::cli
