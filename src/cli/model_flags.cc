#include "cli/model_flags.h"

#include <fmt/format.h>

#include <vector>

#include "base/try.h"
#include "cli/wire.h"
#include "hub/locate.h"

namespace accel::cli {

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
             "one of those that accel devices lists; CPU/2 is two of its threads, AUTO a GPU where "
             "one can run the model, else the CPU, MULTI:GPU(1.5),CPU(1.0) both with weights, "
             "HETERO:GPU,CPU each operation on the first that can, CPU[0-1] a worker process bound "
             "to these logical CPUs (default CPU)");
  flags.choice("--isolation", &isolation, {"thread", "process"},
               "process runs the engine in a supervised process of its own: when it crashes or "
               "hangs, calls end with UNAVAILABLE, and the next starts it again (default thread)");
  flags.text(
      "--hang-seconds", "SECONDS", &hang_seconds,
      "a run that takes longer fails with UNAVAILABLE: its process is killed, or in a thread "
      "it is left to itself and the next gets a new session; 0 never (default 60 in a "
      "process, never in a thread)");
  flags.text("--rules", "RULES", &rules,
             "which devices of a set take which inputs, 'tokens_below=32 device=CPU/1; device=GPU' "
             "(also rows_, bytes_, _from, and modality): the first rule that an input meets; "
             "results name the device");
  flags.flag("--local", &local,
             "the local path: the reference backend in f32, without a plug-in, daemon, network or "
             "configuration (IPFS_ACCELERATE_ENABLED=0 in the environment says the same)");
  flags.flag("--fallback", &fallback,
             "what cannot be used or cannot load the model is replaced by the CPU, then by the "
             "reference backend, with a notice; without it that is an error");
  flags.flag("--no-fallback", &no_fallback,
             "an error all the same, whatever the configuration says");
  declare_simulate_device(flags, &simulate_device);
  flags.text(
      "--simulate-fault", "FAULTS", &simulate_fault,
      "failures of engines to try out, as openvino:run=fail/3 for every third run: "
      "BACKEND:STEP=KIND, steps compile, import, session and run, kinds fail, throw, "
      "unavailable, memory, hang and nan, /N every Nth call, @N the Nth alone; every result is "
      "marked as simulated, and nothing is measured");
  declare_sizes(flags);
  declare_use_optimum(flags, &use_optimum);
  flags.flag("--no-cache", &no_cache,
             "converts and compiles anew, and keeps nothing of it (accel cache)");
  flags.text("--config", "FILE", &config_file,
             "options from this file; none: from no file (default: $ACCEL_CONFIG, else the first "
             "that is there of config/backend.yaml, accel.yaml, ~/.config/accel/config.yaml). "
             "Flags and variables of the environment are stronger");
  flags.text("--profile-file", "FILE", &profile_file,
             "a second file of options, stronger than the environment: what holds for one machine "
             "or one use, as {precision: f16, memory_limit: 500M, optimization_level: memory}");
  flags.text("--warm-up", "TEXT", &warm_up,
             "a text that is run once at the load, so that the first input of its length is like "
             "the later ones; precompile_shapes and input_shapes of the configuration do so with "
             "shapes");
}

void ModelFlags::declare_sizes(Flags& flags) {
  flags.choice("--hint", &hint, {"latency", "throughput", "undefined"},
               "what streams and precision are chosen for, where they are left open, by what was "
               "measured (accel doctor --measure): one item at a time, or many (default undefined: "
               "many, and one that is alone takes all threads)");
  flags.number("--streams", &streams, "batches in flight; 0 chooses (default 0)");
  flags.number("--threads", &threads,
               "of all streams together; 0 takes what this process may use (default 0)");
  flags.number("--batch-tokens", &batch_tokens,
               "tokens of a batch of texts, padding included; 0 is what was measured to be best, "
               "else 320 (default 0)");
  flags.number("--batch-rows", &batch_rows,
               "rows of a batch of anything but texts; 0 is what was measured to be best, else 4 "
               "(default 0)");
  flags.text("--memory-cap", "SIZE", &memory_cap,
             "of this process's resident memory, as 2G: loads that do not fit are refused, and "
             "batches are cut to what there is room for (default: none)");
}

std::vector<ConfigSetting> ModelFlags::settings() const {
  std::vector<ConfigSetting> settings = further;
  const auto set = [&](const char* key, std::string value, const char* flag) {
    if (!value.empty()) settings.push_back({key, std::move(value), flag});
  };
  const auto count = [](int64_t number) { return number < 0 ? "" : std::to_string(number); };
  set("precision", precision, "--precision");
  set("backend", backend, "--backend");
  set("kernels", kernels, "--kernels");
  set("device", device, "--device");
  set("performance_hint", hint, "--hint");
  set("isolation", isolation, "--isolation");
  set("rules", rules, "--rules");
  set("warm_up", warm_up, "--warm-up");
  set("streams", count(streams), "--streams");
  set("threads", count(threads), "--threads");
  set("max_batch_tokens", count(batch_tokens), "--batch-tokens");
  set("max_batch_rows", count(batch_rows), "--batch-rows");
  set("hang_seconds", hang_seconds, "--hang-seconds");
  set("memory_cap", memory_cap, "--memory-cap");
  set("use_optimum", use_optimum, "--use-optimum");
  set("task", task, "--task");
  set("input_hosts", input_hosts, "--input-hosts");
  set("input_files", input_files, "--input-files");
  set("cache", no_cache ? "false" : "", "--no-cache");
  set("enable_fallback", fallback ? "true" : "", "--fallback");
  set("enable_fallback", no_fallback ? "false" : "", "--no-fallback");
  return settings;
}

std::string ModelFlags::loading_flag() const {
  for (const ConfigSetting& setting : settings()) {
    if (setting.source != "--task") return setting.source;
  }
  if (local) return "--local";
  if (!simulate_device.empty()) return "--simulate-device";
  if (!simulate_fault.empty()) return "--simulate-fault";
  if (!config_file.empty()) return "--config";
  return profile_file.empty() ? "" : "--profile-file";
}

Result<Config> ModelFlags::config() const {
  if (fallback && no_fallback) {
    return invalid_argument("expected --fallback or --no-fallback, found both");
  }
  return read_config(local ? "none" : config_file, settings(), local ? "" : profile_file);
}

Result<LoadOptions> ModelFlags::options(Use use) const {
  ACCEL_ASSIGN(const Config config, this->config());
  return options(config, use);
}

Result<LoadOptions> ModelFlags::options(const Config& config, Use use) const {
  ACCEL_ASSIGN(LoadOptions options, config.load_options(model == hub::kDefaultName ? "" : model));
  if (model.empty()) options.path.clear();  // no model is called so
  options.use = use;
  options.local = local;
  options.profile = profile;
  return options;
}

Result<std::unique_ptr<Engine>> ModelFlags::make_engine() const {
  ACCEL_ASSIGN(const Config config, this->config());
  EngineOptions options = engine_options(config, simulate_device);
  options.simulated_faults = simulate_fault;
  if (!options.log.sink && !log_levels.empty()) options.log = log_of(log_levels);
  return Engine::create(options);
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
  ACCEL_ASSIGN(const LoadOptions options, this->options(use));
  // Commands that hand it to their engine take it; those that measure do not.
  const bool simulated = !simulate_device.empty() || !simulate_fault.empty();
  if (simulated && !engine.simulates()) {
    return failed_precondition(fmt::format(
        "{}: this command measures, and what is simulated would be measured as if it were real; "
        "leave it out",
        simulate_device.empty() ? "--simulate-fault" : "--simulate-device"));
  }
  return engine.load(options);
}

}  // namespace accel::cli
