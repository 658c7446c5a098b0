#include "cli/model_flags.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "base/try.h"
#include "cli/wire.h"
#include "hub/locate.h"

namespace accel::cli {
namespace {

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

}  // namespace

void ModelFlags::declare(Flags& flags) {
  flags.optional_argument(
      "MODEL", &model,
      "a model folder, an alias, org/name of the Hub's cache, a model's file (GGUF, ONNX, OpenVINO "
      "IR, TensorFlow, TensorFlow Lite, Paddle), or a name of the configuration (default: the "
      "configuration's model_path, else what the alias 'default' stands for, else "
      "sentence-transformers/all-MiniLM-L6-v2)");
  declare_options(flags);
}

void ModelFlags::declare_options(Flags& flags) {
  flags.text("--precision", "auto|f32|bf16|f16", &precision,
             "arithmetic, in any usual spelling; auto is the fastest measured on this machine that "
             "keeps the answers, and f32 until measured (default auto)");
  flags.choice("--backend", &backend, {"openvino", "reference", "pytorch"},
               "what computes; reference is slow and made to check the other, and stands in for "
               "pytorch (default openvino)");
  flags.choice("--kernels", &kernels, {"auto", "engine"},
               "auto takes accel's own where they are faster, engine only the engine's (default "
               "auto)");
  flags.text("--device", "NAME", &device,
             "one of those that accel devices lists; AUTO is a GPU where one can run the model, "
             "else the CPU (default CPU)");
  flags.flag("--fallback", &fallback,
             "what cannot be used or cannot load the model is replaced by the CPU, then by the "
             "reference backend, with a notice; without it that is an error");
  flags.flag("--no-fallback", &no_fallback,
             "an error all the same, whatever the configuration says");
  flags.number("--streams", &streams, "batches in flight; 0 chooses (default 0)");
  flags.number("--threads", &threads,
               "of all streams together; 0 takes what this process may use (default 0)");
  declare_use_optimum(flags, &use_optimum);
  flags.flag("--no-cache", &no_cache,
             "converts and compiles anew, and keeps nothing of it (accel cache)");
  flags.text("--config", "FILE", &config_file,
             "options from this file; none: from no file (default: $ACCEL_CONFIG, else the first "
             "that is there of config/backend.yaml, accel.yaml, ~/.config/accel/config.yaml). "
             "Flags and variables of the environment are stronger");
}

Result<Config> ModelFlags::config() const {
  if (fallback && no_fallback) {
    return invalid_argument("expected --fallback or --no-fallback, found both");
  }
  std::vector<ConfigSetting> settings;
  const auto set = [&](const char* key, std::string value, const char* flag) {
    if (!value.empty()) settings.push_back({key, std::move(value), flag});
  };
  const auto count = [](int64_t number) { return number < 0 ? "" : std::to_string(number); };
  set("precision", precision, "--precision");
  set("backend", backend, "--backend");
  set("kernels", kernels, "--kernels");
  set("device", device, "--device");
  set("streams", count(streams), "--streams");
  set("threads", count(threads), "--threads");
  set("use_optimum", use_optimum, "--use-optimum");
  set("task", task, "--task");
  set("cache", no_cache ? "false" : "", "--no-cache");
  set("enable_fallback", fallback ? "true" : "", "--fallback");
  set("enable_fallback", no_fallback ? "false" : "", "--no-fallback");
  return read_config(config_file, std::move(settings));
}

Result<LoadOptions> ModelFlags::options(Use use) const {
  ACCEL_ASSIGN(const Config config, this->config());
  ACCEL_ASSIGN(LoadOptions options, config.load_options(model == hub::kDefaultName ? "" : model));
  options.use = use;
  return options;
}

Result<std::unique_ptr<Engine>> ModelFlags::make_engine() const {
  ACCEL_ASSIGN(const Config config, this->config());
  return Engine::create(config.engine_options());
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
  ACCEL_ASSIGN(const LoadOptions options, this->options(use));
  auto loaded = engine.load(options);
  if (!loaded.ok()) return explain_device(loaded.status(), options.device);
  return loaded;
}

}  // namespace accel::cli
