// Engine: load a model, run it, see what ran.
//
//   auto engine = accel::Engine::create({});
//   auto model = (*engine)->load({.path = "all-MiniLM-L6-v2"});
//   auto result = (*model)->embed({"two texts", "to two vectors"});
//   for (float x : result->embeddings.data<float>()) ...
//
// Lifetime: a Model stays usable after its Engine is gone. Let both end before main() returns, not
// with a program's static objects: OpenVINO's own go earlier, while its threads still run.
// Threads: Engine and Model are safe from any thread. An EmbeddingStream has one pushing and one
// pulling thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accel/conversion.h"
#include "accel/converter.h"
#include "accel/embedding.h"
#include "accel/layers.h"
#include "accel/load_options.h"
#include "accel/log.h"
#include "accel/reports.h"
#include "accel/run_report.h"
#include "accel/status.h"
#include "accel/submission.h"
#include "accel/task.h"
#include "accel/tensor.h"
#include "accel/tokens.h"

namespace accel {

struct EngineOptions {
  // Where measured facts, converted graphs and compiled models are kept. Empty: $ACCEL_CACHE_DIR,
  // else $XDG_CACHE_HOME/accel, else ~/.cache/accel.
  std::string cache_dir;
  // Runs the engine once in a child process before first use, so that an engine that crashes on
  // this CPU is reported and not fatal. The answer is remembered.
  bool probe = true;
  // Devices that are not here, as "GPU.1", to try out how a program chooses and names devices: they
  // are listed, marked as simulated, and what is loaded on them runs on the CPU. Every result of
  // this engine is then marked, and it measures nothing. Empty: nothing is simulated.
  std::vector<std::string> simulated_devices;
  // Failures of engines that are to be tried out, as "openvino:run=fail/3": every third run fails
  // (backends/faulty/fault_plan.h in the sources has the words). Results are marked as above.
  std::string simulated_faults;
  // Where this engine, its backends, cache and fallbacks tell what they decide (accel/log.h).
  LogOptions log = {};
  // For models in formats that accel does not know (accel/converter.h). What was loaded through one
  // names it in RunReport::notices.
  std::vector<ModelConverter> converters = {};
  // Of this process's resident memory, in bytes; 0: none. A load that needs more than is left is
  // refused, batches become as small as there is room for, and an item for which there is none even
  // alone is RESOURCE_EXHAUSTED. Worker processes and other devices' memory do not count.
  uint64_t memory_cap = 0;
};

struct InferOptions {
  bool hidden_states = false;  // also the states before and after each layer, "hidden_states.N"
};

struct TaskTimes {     // seconds, summed over threads
  double prepare = 0;  // tokenising, decoding, resizing
  double decode = 0;   // the part of it that made pixels of image files
  double infer = 0;
  double finish = 0;
};

struct RunOptions {
  std::string task;  // by the Hub's name; empty: what the model is for
  TaskOptions options;
};

// Items in, answers out in the same order, each with a status of its own, while memory stays
// bounded. One thread pushes, one pulls.
class ACCEL_API TaskStream {
 public:
  virtual ~TaskStream() = default;  // cancels what is under way

  // Hands over one item. Blocks while too much is in flight. CANCELLED after cancel().
  virtual Status push(TaskInput input) = 0;
  // No more items; what was pushed is still answered.
  virtual void close() = 0;
  // The next item's answer; nullopt at the end, or after cancel(). Blocks.
  virtual std::optional<Result<TaskResult>> next() = 0;
  // From any thread: makes push() and next() return soon.
  virtual void cancel() = 0;
  virtual const TaskReport& task() const = 0;
  // So far, as times(): it is of the latest fallback, if there was one.
  virtual RunReport report() const = 0;
  virtual TaskTimes times() const = 0;  // so far; from any thread
};

struct RunResult {
  std::vector<Result<TaskResult>> items;  // one per input
  TaskTimes times;
  std::string task;
  RunReport report;
};

struct InferResult {
  NamedTensors outputs;
  RunReport report;
};

// A graph of a model as it was compiled.
struct GraphReport {
  std::string name;  // what it computes: "sentence-embedding", "text-classification" ...
  RunReport report;
  LayersReport layers;
};

class ACCEL_API Model {
 public:
  virtual ~Model() = default;
  virtual const ModelReport& report() const = 0;
  // One embedding per text. FAILED_PRECONDITION for a model without sentence embeddings, or
  // unloaded.
  virtual Result<EmbedResult> embed(const std::vector<std::string>& texts,
                                    const EmbedOptions& options = {}) = 0;
  virtual Result<std::unique_ptr<EmbeddingStream>> embed_stream(
      const EmbedStreamOptions& options = {}) = 0;
  // What the model is for, by the Hub's name, to be run as `options.task` says. FAILED_PRECONDITION
  // for a model that is for none of tasks().
  virtual Result<std::unique_ptr<TaskStream>> run_stream(const RunOptions& options = {}) = 0;
  virtual Result<RunResult> run(std::vector<TaskInput> inputs, const RunOptions& options = {}) = 0;
  // One item of run()'s, without waiting (accel/submission.h). What is wrong with the input itself
  // is said at once.
  virtual Result<std::unique_ptr<PendingItem>> submit(TaskInput input,
                                                      const SubmitOptions& options = {}) = 0;
  // Compiles what submit() of that task needs, which its first call would; errors as those of
  // submit().
  virtual Status prepare(const std::string& task, const TaskOptions& options = {}) = 0;
  // Whether that has been done: submit() begins at once.
  virtual bool prepared(const std::string& task, const TaskOptions& options = {}) const = 0;
  virtual ModelStatistics statistics() const = 0;
  // Raw tensors under the reference library's names. Optional inputs may be left out; every output
  // that the given inputs determine is returned. Integer inputs of any width are accepted.
  virtual Result<InferResult> infer(const NamedTensors& inputs,
                                    const InferOptions& options = {}) = 0;
  // The tokens of a text, all of them: the model's limit is not applied. FAILED_PRECONDITION for a
  // model without a tokenizer.
  virtual Result<std::vector<TextToken>> tokenize(const std::string& text,
                                                  bool special_tokens = true) = 0;
  // The text of tokens. Ids that no token has are skipped, as the reference library does.
  virtual Result<std::string> decode(const std::vector<int32_t>& ids,
                                     bool skip_special_tokens = true) = 0;
  // The graphs compiled so far, with their layers as the engine runs them and, with
  // LoadOptions::profile, their times so far. UNIMPLEMENTED where an engine does not tell.
  virtual Result<std::vector<GraphReport>> graphs() {
    return unimplemented("this model does not tell its graphs");
  }
  // Frees everything. FAILED_PRECONDITION "not loaded" the second time.
  virtual Status unload() = 0;
};

class ACCEL_API Engine {
 public:
  static Result<std::unique_ptr<Engine>> create(const EngineOptions& options = {});
  virtual ~Engine() = default;

  // Every family this build knows, sorted by name; and the names of all heads.
  virtual std::vector<FamilyReport> families() = 0;
  virtual std::vector<std::string> heads() = 0;
  // What run() can do, sorted by name.
  virtual std::vector<TaskReport> tasks() = 0;
  // The model folders of a tree or hub cache, sorted by name; empty: the user's hub cache.
  virtual Result<std::vector<FoundModel>> find_models(const std::string& tree) = 0;
  // Facts of a folder or file without loading it into an engine.
  virtual Result<ModelReport> describe(const std::string& path,
                                       UseOptimum use_optimum = UseOptimum::kAuto) = 0;
  // Reads all weights of a folder once, in the order of their files, in little memory; loading does
  // not. DATA_LOSS where a file has a checksum that differs.
  virtual Result<VerifyReport> verify(const std::string& path) = 0;
  virtual Result<std::shared_ptr<Model>> load(const LoadOptions& options) = 0;
  // Writes a model as OpenVINO IR with everything that loading it needs. The output appears when
  // complete; else nothing is left. Memory: a few MiB of weights at a time, and for the check the
  // engine's own copy of one of the two graphs.
  //
  // ALREADY_EXISTS for an output that is there, without `force`; FAILED_PRECONDITION with it when
  // it is no converted model; RESOURCE_EXHAUSTED for a full disk; DATA_LOSS for weights that are no
  // numbers and for a result that does not compute what the source does: f32 further off than
  // a thousandth, others NaN where the source has numbers. Else the errors of load().
  virtual Result<ConvertReport> convert(const ConvertOptions& options) = 0;
  // Times this model's own graph in the precisions that `device` offers, with one stream and with
  // several, in batches of several sizes; about `seconds` without loading. Remembers what is best
  // for latency and for throughput among those whose outputs keep a cosine of 0.999 to f32: what
  // loads mean from then on that leave it open. FAILED_PRECONDITION while acceleration is switched
  // off or something is simulated.
  virtual Result<MeasureReport> measure(const std::string& path, const std::string& device,
                                        double seconds) = 0;
  // What measure() found of the two paths on the CPU; nothing where it has not, or not of this
  // model, machine and version.
  virtual std::optional<PathCosts> path_costs(const std::string& path) = 0;
  virtual std::vector<BackendReport> backends() = 0;
  virtual std::vector<DeviceReport> devices() = 0;
  // Takes about a second where it measures. NOT_FOUND for kNever when nothing is remembered;
  // FAILED_PRECONDITION where devices are simulated.
  virtual Result<MachineSpeed> machine_speed(Measuring measuring) = 0;
  // Whether devices are simulated: whoever measures refuses to with such an engine.
  virtual bool simulates() const = 0;
};

// "0.1.0"
ACCEL_API std::string_view version();

}  // namespace accel
