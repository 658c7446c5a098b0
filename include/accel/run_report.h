// What ran: part of every result.
#pragma once

#include <cstdint>
#include <future>
#include <string>
#include <vector>

#include "accel/isolation.h"
#include "accel/precision.h"

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
  // The server that ran it; empty: this process. Of a server's report only model, backend, device,
  // precision, fallback with its reason and simulated are known.
  std::string server = {};
  // What every session had run before load() returned: "input_ids=[1,8]".
  std::vector<std::string> warmed_up = {};
};

}  // namespace accel
