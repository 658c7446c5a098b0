#include "config/option.h"

#include <algorithm>
#include <array>

namespace accel::config {
namespace {

using enum OptionType;
using Group = OptionGroup;
using Scope = OptionScope;

constexpr int64_t kThreadsMax = 1024;
constexpr int64_t kBatchTokensMax = 1 << 20;
constexpr int64_t kBatchRowsMax = 4096;
constexpr int64_t kModelsInMemoryMax = 1 << 20;

constexpr std::array kOptions{
    Option{.key = "backend",
           .type = kChoice,
           .group = Group::kBackend,
           .scope = Scope::kAny,
           .default_text = "openvino",
           .help = "what computes. reference is slow and readable; it also stands in for pytorch, "
                   "which no build has yet, and results name that as a fallback",
           .choices = "openvino reference pytorch",
           .aliases = "backend.default default",
           .variable = "ACCEL_BACKEND",
           .flag = "--backend"},
    Option{.key = "device",
           .type = kDevice,
           .group = Group::kEngine,
           .scope = Scope::kAny,
           .default_text = "CPU",
           .help = "one of those that `accel devices` lists; AUTO is a GPU where there is one that "
                   "can run the model, else the CPU",
           .variable = "ACCEL_DEVICE",
           .flag = "--device"},
    Option{.key = "isolation",
           .type = kChoice,
           .group = Group::kEngine,
           .scope = Scope::kAny,
           .default_text = "thread",
           .help = "process runs the engine in a supervised process of its own: when it crashes or "
                   "hangs, the calls that it was computing end, and the next starts it again",
           .choices = "thread process",
           .variable = "ACCEL_ISOLATION",
           .flag = "--isolation"},
    Option{.key = "hang_seconds",
           .type = kSeconds,
           .group = Group::kEngine,
           .scope = Scope::kAny,
           .default_text = "",
           .help = "a run that takes longer is taken for hung and fails: its process is killed, or "
                   "in a thread it is left to itself and the next gets a new session. 0: never. "
                   "Not given: 60 in a process, never in a thread",
           .variable = "ACCEL_HANG_SECONDS",
           .flag = "--hang-seconds"},
    Option{.key = "enable_fallback",
           .type = kBool,
           .group = Group::kEngine,
           .scope = Scope::kAny,
           .default_text = "false",
           .help = "when the backend or device cannot be used or cannot load the model: the CPU, "
                   "then the reference backend, with a warning and the cause in every result. "
                   "false: the error",
           .aliases = "fallback",
           .variable = "ACCEL_FALLBACK",
           .flag = "--fallback"},
    Option{.key = "precision",
           .type = kPrecision,
           .group = Group::kEngine,
           .scope = Scope::kAny,
           .default_text = "auto",
           .help = "arithmetic; auto is the fastest measured on this machine that keeps the "
                   "answers, and f32 until measured",
           .variable = "ACCEL_PRECISION",
           .flag = "--precision"},
    Option{.key = "performance_hint",
           .type = kChoice,
           .group = Group::kEngine,
           .scope = Scope::kAny,
           .default_text = "UNDEFINED",
           .help = "what streams and precision are chosen for, where they are left open: "
                   "LATENCY one item at a time, THROUGHPUT and UNDEFINED many",
           .choices = "UNDEFINED THROUGHPUT LATENCY",
           .aliases = "hint",
           .variable = "ACCEL_HINT",
           .flag = "--hint"},
    Option{.key = "streams",
           .type = kCount,
           .group = Group::kEngine,
           .scope = Scope::kAny,
           .default_text = "0",
           .help = "batches in flight; 0 chooses",
           .aliases = "num_streams",
           .variable = "ACCEL_STREAMS",
           .flag = "--streams",
           .most = kThreadsMax},
    Option{.key = "threads",
           .type = kCount,
           .group = Group::kEngine,
           .scope = Scope::kAny,
           .default_text = "0",
           .help = "of all streams together; 0 takes what the process may use",
           .aliases = "num_threads",
           .variable = "ACCEL_THREADS",
           .flag = "--threads",
           .most = kThreadsMax},
    Option{.key = "max_batch_tokens",
           .type = kCount,
           .group = Group::kEngine,
           .scope = Scope::kAny,
           .default_text = "0",
           .help = "of a batch of texts, padding included; a longer text runs alone. 0: as "
                   "measured, else 320",
           .aliases = "batch_tokens",
           .variable = "ACCEL_MAX_BATCH_TOKENS",
           .flag = "--batch-tokens",
           .most = kBatchTokensMax},
    Option{.key = "max_batch_rows",
           .type = kCount,
           .group = Group::kEngine,
           .scope = Scope::kAny,
           .default_text = "0",
           .help = "of a batch of anything but texts: images, recordings. 0: as measured, else 4",
           .aliases = "batch_rows",
           .variable = "ACCEL_MAX_BATCH_ROWS",
           .flag = "--batch-rows",
           .most = kBatchRowsMax},
    Option{.key = "kernels",
           .type = kChoice,
           .group = Group::kEngine,
           .scope = Scope::kAny,
           .default_text = "auto",
           .help = "auto takes accel's own where they are faster, engine only the engine's",
           .choices = "auto engine",
           .variable = "ACCEL_KERNELS",
           .flag = "--kernels"},
    Option{.key = "cache",
           .type = kBool,
           .group = Group::kEngine,
           .scope = Scope::kAny,
           .default_text = "true",
           .help = "keeps converted graphs and compiled models and takes them again; false makes "
                   "them anew and keeps nothing",
           .variable = "ACCEL_CACHE",
           .flag = "--no-cache"},
    Option{.key = "cache_dir",
           .type = kText,
           .group = Group::kEngine,
           .scope = Scope::kAll,
           .default_text = "",
           .help =
               "where that and measured facts are kept; models that `accel convert` wrote below "
               "it, NAME/NAME.xml, are found by name. Without one: accel/ in the user's cache",
           .variable = "ACCEL_CACHE_DIR"},
    Option{.key = "memory_cap",
           .type = kBytes,
           .group = Group::kEngine,
           .scope = Scope::kAll,
           .default_text = "0",
           .help = "of this process's resident memory: loads that do not fit are refused, and "
                   "batches are cut to what there is room for. 0: none",
           .variable = "ACCEL_MEMORY_CAP",
           .flag = "--memory-cap"},
    Option{.key = "multi_device",
           .type = kBool,
           .group = Group::kEngine,
           .scope = Scope::kAny,
           .default_text = "false",
           .help = "shares the work among device_priorities, or all devices that there are; "
                   "those that are not there are left out, and results say so"},
    Option{.key = "device_priorities",
           .type = kPriorities,
           .group = Group::kEngine,
           .scope = Scope::kAny,
           .default_text = "",
           .help = "devices, with the shares of the work that they shall have: "
                   "[\"GPU(1.5)\", \"CPU(1.0)\"]"},
    Option{.key = "optimization_level",
           .type = kChoice,
           .group = Group::kEngine,
           .scope = Scope::kAny,
           .default_text = "default",
           .help = "what is chosen where nothing else is said: memory runs one batch at a time, "
                   "which keeps least beside the weights; the others as many as there are threads",
           .choices = "default performance balanced memory",
           .variable = "ACCEL_OPTIMIZATION_LEVEL"},
    Option{.key = "precompile_shapes",
           .type = kBool,
           .group = Group::kEngine,
           .scope = Scope::kAny,
           .default_text = "false",
           .help = "compiles for input_shapes when a model is loaded and runs each once, so that "
                   "the first request of these shapes is like the later ones"},
    Option{.key = "input_shapes",
           .type = kShapes,
           .group = Group::kEngine,
           .scope = Scope::kAny,
           .default_text = "",
           .help = "the shapes for precompile_shapes, by input"},
    Option{.key = "warm_up",
           .type = kText,
           .group = Group::kEngine,
           .scope = Scope::kAny,
           .default_text = "",
           .help = "a text that a model runs once when it is loaded, so that the first request of "
                   "its length is like the later ones",
           .variable = "ACCEL_WARM_UP",
           .flag = "--warm-up"},
    Option{.key = "rules",
           .type = kRules,
           .group = Group::kEngine,
           .scope = Scope::kAny,
           .default_text = "",
           .help = "which devices of a set (MULTI) take which inputs: the first rule that an input "
                   "meets counts, and one that meets none goes anywhere. Conditions are "
                   "tokens_from, tokens_below, rows_from, rows_below, bytes_from, bytes_below and "
                   "modality",
           .variable = "ACCEL_RULES",
           .flag = "--rules"},
    Option{.key = "pytorch.device",
           .type = kDevice,
           .group = Group::kPlain,
           .scope = Scope::kAll,
           .default_text = "CPU",
           .help = "device of the backends pytorch and reference",
           .aliases = "backend.pytorch.device reference.device backend.reference.device"},
    Option{.key = "model_path",
           .type = kText,
           .group = Group::kModel,
           .scope = Scope::kAny,
           .default_text = "",
           .help = "where a model lies: folder, file, alias or org/name. Outside model_overrides "
                   "the model that is taken when none is named",
           .variable = "ACCEL_MODEL_PATH"},
    Option{.key = "model_format",
           .type = kChoice,
           .group = Group::kModel,
           .scope = Scope::kAny,
           .default_text = "auto",
           .help = "what the model must be made of; another is refused. IR also takes a folder's "
                   "exported graph before its checkpoint",
           .choices = "auto checkpoint IR ONNX GGUF TensorFlow TensorFlow-Lite Paddle",
           .variable = "ACCEL_MODEL_FORMAT"},
    Option{.key = "model_type",
           .type = kChoice,
           .group = Group::kModel,
           .scope = Scope::kAny,
           .default_text = "auto",
           .help = "what the model must take; one whose inputs are of another kind is refused",
           .choices = "auto text vision audio multimodal",
           .variable = "ACCEL_MODEL_TYPE"},
    Option{.key = "converters",
           .type = kCommands,
           .group = Group::kModel,
           .scope = Scope::kAll,
           .default_text = "",
           .help = "programs that convert models which accel does not know, by the end of their "
                   "names: {input} is the model, {output} a folder for the result. They run "
                   "without a shell, and only where the file of options was named or is the user's "
                   "own"},
    Option{.key = "task",
           .type = kText,
           .group = Group::kModel,
           .scope = Scope::kAny,
           .default_text = "",
           .help = "what it is to do, by the Hub's name: fill-mask ... (default: what the model is "
                   "for)",
           .variable = "ACCEL_TASK",
           .flag = "--task"},
    Option{.key = "use_optimum",
           .type = kChoice,
           .group = Group::kModel,
           .scope = Scope::kAny,
           .default_text = "auto",
           .help = "of a folder with a checkpoint and a graph exported from it: true the graph, "
                   "false the checkpoint, auto the checkpoint where accel builds its family",
           .choices = "auto true false",
           .variable = "ACCEL_USE_OPTIMUM",
           .flag = "--use-optimum"},
    Option{.key = "pinned",
           .type = kBool,
           .group = Group::kModel,
           .scope = Scope::kModel,
           .default_text = "false",
           .help = "stays in memory once loaded"},
    Option{.key = "memory_bytes_max",
           .type = kBytes,
           .group = Group::kManager,
           .scope = Scope::kAny,
           .default_text = "0",
           .help = "of all loaded models together, of one model its own; a model whose weights "
                   "take more is refused before any are read. 0: no bound",
           .aliases = "memory_limit",
           .variable = "ACCEL_MEMORY_BYTES_MAX"},
    Option{.key = "models_max",
           .type = kCount,
           .group = Group::kManager,
           .scope = Scope::kAll,
           .default_text = "0",
           .help = "models in memory at the same time; 0: no bound",
           .aliases = "max_cached_models",
           .variable = "ACCEL_MODELS_MAX",
           .most = kModelsInMemoryMax},
    Option{.key = "idle_seconds_max",
           .type = kSeconds,
           .group = Group::kManager,
           .scope = Scope::kAll,
           .default_text = "0",
           .help = "unused for so long, a model is unloaded; 0: never",
           .aliases = "residency_seconds",
           .variable = "ACCEL_IDLE_SECONDS_MAX"},
    Option{.key = "cooldown_seconds",
           .type = kSeconds,
           .group = Group::kManager,
           .scope = Scope::kAll,
           .default_text = "5",
           .help = "after a load failed it is not tried again for so long",
           .variable = "ACCEL_COOLDOWN_SECONDS"},
    Option{.key = "loads_max",
           .type = kCount,
           .group = Group::kManager,
           .scope = Scope::kAll,
           .default_text = "2",
           .help = "loads under way at the same time",
           .variable = "ACCEL_LOADS_MAX",
           .least = 1,
           .most = kModelsInMemoryMax},
    Option{.key = "gpu_fp16_enable",
           .type = kBool,
           .group = Group::kGpu,
           .scope = Scope::kAny,
           .default_text = "false",
           .help = "computes in f16 on a GPU"},
    Option{.key = "gpu_optimize",
           .type = kChoice,
           .group = Group::kGpu,
           .scope = Scope::kAny,
           .default_text = "modern",
           .help = "generation of the GPU",
           .choices = "modern legacy"},
    Option{.key = "input_hosts",
           .type = kText,
           .group = Group::kServer,
           .scope = Scope::kAll,
           .default_text = "",
           .help = "hosts that images and recordings may come from by URL, HOST[:PORT] with commas "
                   "between; *.HOST is all below it, HOST=ADDRESS/BITS one of a private network. "
                   "None: no URL is fetched",
           .variable = "ACCEL_INPUT_HOSTS",
           .flag = "--input-hosts"},
    Option{.key = "input_files",
           .type = kText,
           .group = Group::kServer,
           .scope = Scope::kAll,
           .default_text = "",
           .help = "the folder below which images and recordings may be named as file:///PATH. "
                   "None: no file is read",
           .variable = "ACCEL_INPUT_FILES",
           .flag = "--input-files"},
};

// What a profile says: {profile: {precision: f16, memory_limit: 500M}}.
constexpr std::array<std::string_view, 7> kProfileKeys{
    "backend", "device", "precision", "memory_bytes_max", "optimization_level",
    "streams", "threads"};

std::vector<OptionName> all_names() {
  std::vector<OptionName> names;
  for (const Option& option : kOptions) {
    std::vector<std::string_view> bare = words_of(option.aliases);
    bare.insert(bare.begin(), option.key);
    for (const std::string_view name : bare) {
      names.push_back({std::string(name), &option});
      if (option.group == Group::kEngine || option.group == Group::kGpu) {
        names.push_back({"backend.openvino." + std::string(name), &option});
        names.push_back({"openvino." + std::string(name), &option});
      }
      if (option.group == Group::kServer) {
        names.push_back({"server." + std::string(name), &option});
      }
      if (option.group == Group::kManager) {
        names.push_back({"manager." + std::string(name), &option});
      }
      const bool plain = name.find('.') == std::string_view::npos && name != "default";
      if (plain && std::ranges::find(kProfileKeys, option.key) != kProfileKeys.end()) {
        names.push_back({"profile." + std::string(name), &option});
      }
    }
  }
  std::ranges::sort(names, {}, &OptionName::name);
  return names;
}

}  // namespace

std::span<const Option> options() { return kOptions; }

const Option* find_option(std::string_view key) {
  const auto found = std::ranges::find(kOptions, key, &Option::key);
  return found == kOptions.end() ? nullptr : &*found;
}

std::span<const OptionName> option_names() {
  static const std::vector<OptionName> kNames = all_names();
  return kNames;
}

const Option* find_by_name(std::string_view name) {
  const auto names = option_names();
  const auto found = std::ranges::lower_bound(names, name, {}, &OptionName::name);
  return found != names.end() && found->name == name ? found->option : nullptr;
}

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  while (!text.empty()) {
    const size_t end = std::min(text.find(' '), text.size());
    if (end > 0) words.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

}  // namespace accel::config
