// What an engine tells of machines, backends, models and measurements.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "accel/precision.h"
#include "accel/tensor.h"

namespace accel {

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
  std::string own_task;  // what run() does unless told otherwise; empty: nothing
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

// What a way of computing costs: until a model that is not loaded has answered its first item but
// for that item itself, and each item.
struct PathCost {
  double load_seconds = 0;
  double seconds_per_item = 0;
};

// Of the local path (the reference backend) and of the accelerated one.
struct PathCosts {
  PathCost local;
  PathCost accelerated;
};

struct MeasureReport {
  std::vector<RunSetting> settings;  // in the order of their timing; f32 first
  // What is chosen from now on where options leave the choice (Hint).
  RunSetting latency;
  RunSetting throughput;
  int64_t batch_tokens = 0;  // of a batch of texts, with the latter; 0: rows have no tokens
  int64_t batch_rows = 0;    // of anything else
  // None for models of more than 100 million numbers: the reference would take minutes, and loses.
  std::optional<PathCosts> paths;
  bool remembered = false;
};

}  // namespace accel
