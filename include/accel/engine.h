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
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "accel/content_rule.h"
#include "accel/converter.h"
#include "accel/isolation.h"
#include "accel/layers.h"
#include "accel/log.h"
#include "accel/precision.h"
#include "accel/status.h"
#include "accel/submission.h"
#include "accel/task.h"
#include "accel/tensor.h"

namespace accel {

// How far the cache spared making a graph and compiling it.
enum class CacheOutcome {
  kUnused,         // nothing is kept of such a model: reading it again is as quick
  kMade,           // nothing was found: made and compiled
  kGraphFound,     // compiled from the converted graph that was kept
  kCompiledFound,  // the compiled model was imported
};

// What came of writing to the cache, which happens behind the first answers.
struct CacheStored {
  bool graph = false;
  bool compiled = false;
  std::string not_kept;  // why the compiled model is not kept, where it cannot be
  std::vector<std::string> warnings;
  double ms = 0;
};

// What happened at the cache of graphs; times of steps that were not taken are 0.
struct CacheReport {
  CacheOutcome outcome = CacheOutcome::kUnused;
  bool has_graph = false;            // whether the converted graph was in the cache, used or not
  std::string not_kept;              // as known from an earlier start
  std::vector<std::string> changed;  // what differs from the last entry of this model
  std::vector<std::string> warnings;
  double lookup_ms = 0;   // finding entries and reading their headers
  double verify_ms = 0;   // reading every byte of what was found
  double wait_ms = 0;     // for another process that was making the same
  double import_ms = 0;   // engine or graph reader, on what was found
  double make_ms = 0;     // the conversion
  double compile_ms = 0;  // the engine
  // Not valid: nothing is written. get() waits; whoever lets go of the last report, usually the
  // model, waits as well.
  std::shared_future<CacheStored> stored = {};
};

// What really ran: part of every result.
struct RunReport {
  std::string model;    // the folder or file
  std::string backend;  // "openvino", "reference"
  std::string device;   // as the engine names it; of several "CPU/1+CPU/1"
  Isolation isolation = Isolation::kThread;
  Precision precision = Precision::kF32;  // executed, read back from the engine
  int streams = 1;
  int threads = 1;
  // What was asked for and is not so: devices that are not there.
  std::vector<std::string> notices = {};
  // What computes the dense layers and attention: "engine" (its own kernels), or accel's for an
  // instruction set: "accel-avx512", "accel-avx2".
  std::string kernels = "engine";
  bool fallback = false;  // true when something other than the request ran
  std::string fallback_reason;
  // Why it ran on the local path (LoadOptions::local), by whose word: "IPFS_ACCELERATE_ENABLED=0",
  // "asked for"; empty: it did not.
  std::string local_reason;
  // The engine that loaded this has simulated devices (EngineOptions::simulated_devices), so
  // nothing of it is a measurement. `device` is what really ran.
  bool simulated = false;
  // What the graph was made of: "native" (the checkpoint, by accel's builder of its family),
  // "gguf", or a graph in a file: "openvino-ir", "onnx", "tensorflow", "tensorflow-lite", "paddle".
  std::string source = "native";
  // How the precision came about: "requested", "measured" (auto, remembered from a measurement on
  // this machine) or "unmeasured" (auto, f32 until Engine::measure() has run).
  std::string precision_source = "requested";
  // How the number of streams came about: "requested", "measured", "hint" (one, for latency) or
  // "default" (one for each thread).
  std::string streams_source = "requested";
  CacheReport cache;
  // What the weights take in this precision, as counted before they were loaded, and the bound that
  // it was held against (LoadOptions::memory_bytes_max); 0: none was given.
  uint64_t memory_bytes = 0;
  uint64_t memory_bytes_max = 0;
  // What every session had run before load() returned: "input_ids=[1,8]".
  std::vector<std::string> warmed_up = {};
};

struct DeviceReport {
  std::string backend;
  std::string name;
  std::string full_name;
  std::string kind;
  std::vector<Precision> precisions;  // each proved by compiling and running a one-layer model
  std::string architecture;           // as the engine names it; empty: it does not
  int units = 0;                      // cores of a CPU, execution units of a GPU; 0: not known
  std::string driver;                 // driver or runtime, with its version
  bool simulated = false;             // runs on the CPU (EngineOptions::simulated_devices)
};

// How fast this machine is with accel's own kernels and all threads that this process may use.
struct MachineSpeed {
  std::string kernels;  // "avx512", "avx2"; empty: none of them runs here, and no GFLOP/s
  int threads = 1;
  double gflops_one = 0;       // f32 dense layers, on one core
  double gflops_all = 0;       // on all threads together
  double memory_gb_per_s = 0;  // reading far more than the caches hold, all threads together
  std::string measured_at;     // "2026-11-30T09:30:00Z"
  bool remembered = false;     // it can be read back next time
};

// When a measurement is made.
enum class Measuring {
  kNever,  // only what is remembered
  kOnce,   // when nothing is remembered
  kAgain,
};

struct BackendReport {
  std::string name;
  std::string version;
  bool available = false;
  std::string reason;  // why not: the loader's own message
  std::string remedy;  // the exact line that mends it
};

struct PortReport {
  std::string name;
  DType dtype = DType::kF32;
  Shape shape;  // -1: any size
  bool optional = false;
};

// The facts of a model folder; needs no backend.
struct ModelReport {
  std::string path;
  std::string family;        // "bert"; empty: a graph without a config.json
  std::string architecture;  // "BertModel"
  std::string source;        // as RunReport::source
  std::vector<std::string> tasks;
  std::vector<PortReport> inputs;
  std::vector<PortReport> outputs;
  uint64_t parameters = 0;
  std::string weights_dtype;  // of a GGUF file its formats: "Q4_K+F32"
  // Packed tensors that the engine cannot keep packed: they become f32 in the graph.
  uint64_t unpacked_tensors = 0;
  uint64_t bytes_on_disk = 0;
  int64_t hidden_size = 0;
  int64_t layers = 0;
  int64_t vocabulary = 0;
  int64_t max_tokens = 0;      // longest input, special tokens included
  int64_t embedding_size = 0;  // 0: no sentence embedding
  std::string pooling;         // "mean", "cls+max", ...; "by the graph" where an export does it
  bool normalized = false;
  bool for_embedding = false;  // its folder says that embed() is what it is for
  bool lower_case = false;
  std::vector<std::string> prompts;  // names for EmbedOptions::prompt
};

// What this build makes of one model family.
struct FamilyReport {
  std::string name;       // config.json's "model_type"
  std::string title;      // "BERT"
  std::string reference;  // its paper
  // Class names of config.json's "architectures", each with the Hub's name of its task.
  std::vector<std::pair<std::string, std::string>> architectures;
};

struct FoundModel {
  std::string name;  // below the tree; of a hub cache "org/name"
  std::string path;
};

// A tensor of a checkpoint with elements that are no numbers.
struct DamagedWeight {
  std::string file;  // as it is opened
  std::string name;
  DType dtype = DType::kF32;
  Shape shape;
  uint64_t nan = 0;
  uint64_t infinite = 0;
};

struct VerifyReport {
  uint64_t tensors = 0;  // looked at
  uint64_t elements = 0;
  std::vector<DamagedWeight> damaged;
};

// One way of running a model, as it was timed on its graph alone: without tokenizing or decoding.
struct RunSetting {
  Precision precision = Precision::kF32;
  int streams = 1;
  int threads = 1;           // of all streams together
  double items_per_sec = 0;  // all streams busy, batches of the best size; texts of 24 tokens
  double latency_ms = 0;     // of one item that is alone
  double least_cosine = 1;   // of its outputs to those in f32
  bool eligible = true;      // kept at least 0.999, and is not hopelessly slow
};

struct MeasureReport {
  std::vector<RunSetting> settings;  // in the order of their timing; f32 first
  // What is chosen from now on where options leave the choice (Hint).
  RunSetting latency;
  RunSetting throughput;
  int64_t batch_tokens = 0;  // of a batch of texts, with the latter; 0: rows have no tokens
  int64_t batch_rows = 0;    // of anything else
  bool remembered = false;
};

// What the streams of a model are for, where their number is left to accel.
enum class Hint {
  kUndefined,   // many items or one: as kThroughput, and one that is alone takes all threads
  kLatency,     // one item at a time, as soon as can be
  kThroughput,  // as many items as can be
};
std::string_view to_string(Hint hint);

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
};

enum class Use {
  kEmbed,
  kInfer,
  kRun
};  // what load() prepares; the other is prepared at its first call

// What of a folder is run that has both a checkpoint and a graph exported from it, as by Optimum.
enum class UseOptimum {
  kAuto,   // the checkpoint where its family is built here, else the graph
  kTrue,   // the graph: openvino_model.xml before model.onnx; NOT_FOUND without one
  kFalse,  // the checkpoint, else an ONNX (or other) graph; never Optimum's OpenVINO graph
};

// The shape of an input.
struct NamedShape {
  std::string name;
  Shape shape;
  bool operator==(const NamedShape&) const = default;
};

struct LoadOptions {
  // A model folder, an alias, "org/name[@revision]" of the hub cache, or a file: GGUF, ONNX,
  // OpenVINO IR, TensorFlow, TensorFlow Lite, Paddle. "default" is the user's alias of that name,
  // else sentence-transformers/all-MiniLM-L6-v2 of the hub cache.
  std::string path = "default";
  std::string backend = "openvino";  // or "reference", "pytorch"
  // One of devices(), "CPU/2" (two of its threads), "AUTO" (a GPU where there is one that can run
  // the model, else the CPU), "AUTO:-GPU", "MULTI:GPU(1.5),CPU(1.0)" or "HETERO:GPU,CPU". Of
  // several, those that are not there are left out, and the result says so. "CPU[0-1]" is a worker
  // process bound to these logical CPUs, whatever `isolation` says.
  std::string device = "CPU";
  // Where the engine computes. A worker process costs its start (about 0.1 s), a file with the
  // graph's weights below EngineOptions::cache_dir while the model lives, and some microseconds a
  // run.
  Isolation isolation = Isolation::kThread;
  // A run in a worker process that takes longer is taken for hung: the process is killed, and the
  // run ends with UNAVAILABLE. 0: never.
  double hang_seconds = 60;
  Precision precision = Precision::kAuto;
  // The local path: the reference backend, in f32, whatever the three above say. It needs no
  // plug-in of an engine, daemon, network or configuration, and is slow. The environment can choose
  // it for everything (accel/hardware.h).
  bool local = false;
  // What 0 streams mean, and which of the measured precisions kAuto is.
  Hint hint = Hint::kUndefined;
  int streams = 0;  // batches in flight; 0: chosen: as measured, else as many as there are threads
  int threads = 0;  // of all streams; 0: what affinity and cgroup allow
  // Tokens of a batch of texts, padding included; a longer text runs alone. 0: as measured, else
  // 320.
  int64_t batch_tokens = 0;
  // accel's own kernels where they are faster than the engine's; false: only the engine's.
  bool own_kernels = true;
  // What infer() computes, by the Hub's name ("feature-extraction", "fill-mask" ...); empty: what
  // the model's config.json says.
  std::string task;
  Use use = Use::kEmbed;
  UseOptimum use_optimum = UseOptimum::kAuto;
  // Takes converted graphs and compiled models from the cache and keeps them there; false: makes
  // them anew and keeps nothing.
  bool cache = true;
  // When the backend or device cannot be used or cannot load the model: the CPU, then the
  // reference backend, and RunReport says so. False: the error. The backend "pytorch", which is in
  // no build, has the reference backend stand in either way.
  bool fallback = false;
  // What the model must be made of, as RunReport::source; INVALID_ARGUMENT for another. Or the name
  // of a converter (EngineOptions::converters), which then converts it unasked. Empty: any.
  std::string model_format;
  // What its inputs must be: "text", "vision", "audio", "multimodal"; likewise.
  std::string model_type;
  // Times every layer, for Model::graphs(): with one stream, without the cache, and a little
  // slower.
  bool profile = false;
  // Which devices of a set that shares the work (MULTI) take which inputs. Results then name the
  // device that ran each input. INVALID_ARGUMENT for rules that contradict each other, for another
  // kind of device, and for devices that are none of the set.
  std::vector<ContentRule> rules = {};
  // A model whose weights take more is refused before any are read: RESOURCE_EXHAUSTED. 0: no
  // bound. With none, a model of several streams whose requests come one by one is compiled once
  // more in time, with one stream, and holds its weights twice.
  uint64_t memory_bytes_max = 0;
  // What load() compiles for and runs in every session before it returns, so that the first request
  // of these shapes finds nothing left to be made: the texts, and inputs of these shapes together.
  std::vector<std::string> warm_up_texts = {};
  std::vector<NamedShape> warm_up_shapes = {};
};

struct InferOptions {
  bool hidden_states = false;  // also the states before and after each layer, "hidden_states.N"
};

struct EmbedOptions {
  std::string prompt;        // a prompt's name in the model's folder; empty: its default
  int64_t dimensions = 0;    // keep the first N and normalise again (Matryoshka); 0: all
  bool normalize = true;     // false leaves out the folder's normalisation
  bool strict_utf8 = false;  // invalid UTF-8 is refused instead of replaced
  int64_t batch_tokens = 0;  // of a batch of this call; 0: LoadOptions::batch_tokens
};

struct EmbedTimes {  // seconds, summed over threads
  double tokenize = 0;
  double infer = 0;
};

struct EmbedResult {
  Tensor embeddings;            // f32 [texts, size]
  std::vector<int32_t> tokens;  // per text, special tokens included, after truncation
  std::vector<bool> truncated;  // per text
  uint64_t padded_tokens = 0;   // computed and thrown away
  uint64_t replaced_utf8 = 0;   // invalid sequences replaced by U+FFFD
  EmbedTimes times;
  RunReport report;
  std::vector<std::string> devices;  // that ran each text, with LoadOptions::rules; else empty
};

// Texts in, embeddings out in the same order, while memory stays bounded: at most `window_texts`
// texts wait for company, none longer than `window_ms`. A text is tokenised as it is pushed and not
// kept.
struct EmbedStreamOptions {
  EmbedOptions embed;
  int window_texts = 4096;
  int window_ms = 100;
};

class ACCEL_API EmbeddingStream {
 public:
  virtual ~EmbeddingStream() = default;  // cancels what is under way

  // Hands over one text. Blocks while too much is in flight. CANCELLED after an error or cancel();
  // the error itself is told by next().
  virtual Status push(std::string text) = 0;
  // No more texts; what was pushed is still answered.
  virtual void close() = 0;
  // The next texts in input order, at least one; nullopt at the end. Blocks.
  virtual Result<std::optional<EmbedResult>> next() = 0;
  // From any thread: makes push() and next() return CANCELLED soon.
  virtual void cancel() = 0;
  // Texts computed so far, for progress. From any thread.
  virtual uint64_t completed() const = 0;
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

// Where the files of a converted model lie.
enum class Layout {
  kFolder,  // OUT/openvino_model.xml and .bin, config.json, tokenizer.json ... as optimum-intel
            // does
  kFlat,    // OUT/NAME.xml and NAME.bin, for OUT's last name; the rest in OUT/.accel/
};

struct ConvertProgress {
  std::string_view step;  // "reading", "weights", "hashing", "check", "finishing"
  double fraction = 0;    // of the step
};

struct ConvertOptions {
  std::string source;  // as LoadOptions::path: whatever can be loaded
  // A folder. Empty: NAME-openvino in the current folder, with "-f16", "-int8" ... for another
  // precision than f32; of the flat layout models/openvino/NAME.
  std::string output;
  // Of the weights. f32: as they are stored, unpacked nothing and rounded nothing. f16 and bf16:
  // weights of f32 rounded. int8: integers with a scale per row. int4: integers with a scale per
  // group, embeddings and last layers in int8. kAuto is refused.
  Precision precision = Precision::kF32;
  bool symmetric = false;    // integers without a zero point
  int64_t group_size = 128;  // of int4; shrinks by halves where it does not fit
  // Fixed sizes of the inputs instead of free ones: the batch, and the length of those with tokens
  // or samples; 0: free.
  int64_t static_batch = 0;
  int64_t static_length = 0;
  Layout layout = Layout::kFolder;
  std::string task;  // as LoadOptions::task
  UseOptimum use_optimum = UseOptimum::kAuto;
  bool check = true;   // runs source and result on the same inputs
  bool force = false;  // replaces a converted model that is there
  // Called often, from the thread of convert(). False stops: CANCELLED, and nothing is left.
  std::function<bool(const ConvertProgress&)> progress;
};

struct ConvertedFile {
  std::string name;  // below the output
  uint64_t bytes = 0;
};

// The weights that are stored in one format.
struct WeightTally {
  std::string format;  // "as stored", "f16", "bf16", "int8", "int4"
  uint64_t tensors = 0;
  uint64_t bytes_before = 0;
  uint64_t bytes = 0;
};

// How far an output of the converted graph is from the source's.
struct OutputError {
  std::string name;
  Shape shape;
  double max_abs = 0;
  double relative = 0;  // max_abs by the largest number of the source's
  double cosine = 1;
};

struct ConvertReport {
  std::string source;
  std::string source_kind;  // "native", "gguf", "onnx" ...
  std::string task;
  std::string path;   // of the output
  std::string graph;  // of the .xml file
  std::string precision;
  std::vector<ConvertedFile> files;
  std::vector<WeightTally> weights;
  uint64_t source_bytes = 0;  // of the files with weights
  uint64_t bytes = 0;         // of the output
  bool checked = false;
  std::vector<OutputError> errors;
  double convert_s = 0;  // everything but the check
  double check_s = 0;
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
  virtual ModelStatistics statistics() const = 0;
  // Raw tensors under the reference library's names. Optional inputs may be left out; every output
  // that the given inputs determine is returned. Integer inputs of any width are accepted.
  virtual Result<InferResult> infer(const NamedTensors& inputs,
                                    const InferOptions& options = {}) = 0;
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
