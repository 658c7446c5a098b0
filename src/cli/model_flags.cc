#include "cli/model_flags.h"

#include <fmt/format.h>

#include "base/try.h"

namespace accel::cli {
namespace {

constexpr int64_t kThreadsMax = 4096;

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
  flags.flag("--local", &local,
             "the local path: the reference backend in f32, without a plug-in, daemon, network or "
             "configuration (IPFS_ACCELERATE_ENABLED=0 in the environment says the same)");
  flags.flag("--fallback", &fallback,
             "a backend, device or precision that is not here is replaced by one that is, with a "
             "notice; without it that is an error");
  declare_simulate_device(flags, &simulate_device);
  flags.number("--streams", &streams, "batches in flight; 0 chooses (default 0)");
  flags.number("--threads", &threads,
               "of all streams together; 0 takes what this process may use (default 0)");
  declare_use_optimum(flags, &use_optimum);
  flags.flag("--no-cache", &no_cache,
             "converts and compiles anew, and keeps nothing of it (accel cache)");
}

void declare_simulate_device(Flags& flags, std::string* value) {
  flags.text(
      "--simulate-device", "NAMES", value,
      "devices that are not here, as GPU.1 or GPU,NPU, to try out their use: they run on the "
      "CPU, every result is marked as simulated, and nothing is measured");
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

Result<std::shared_ptr<Model>> ModelFlags::load(Engine& engine, Use use) const {
  ACCEL_TRY(check_count("--streams", streams));
  ACCEL_TRY(check_count("--threads", threads));
  const auto parsed = parse_precision(precision);
  if (!parsed.ok()) return parsed.status().with_context("--precision");
  // Commands that hand it to their engine take it; those that measure do not.
  if (!simulate_device.empty() && !engine.simulates()) {
    return failed_precondition(
        "--simulate-device: this command measures, and a simulated device would be measured as "
        "the CPU; leave it out");
  }
  return engine.load({.path = model,
                      .backend = backend,
                      .device = device,
                      .precision = *parsed,
                      .local = local,
                      .fallback = fallback,
                      .streams = static_cast<int>(streams),
                      .threads = static_cast<int>(threads),
                      .own_kernels = kernels == "auto",
                      .task = task,
                      .use = use,
                      .use_optimum = parse_use_optimum(use_optimum),
                      .cache = !no_cache});
}

}  // namespace accel::cli
