// How a model is loaded.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "accel/content_rule.h"
#include "accel/isolation.h"
#include "accel/precision.h"
#include "accel/tensor.h"

namespace accel {

// What the streams of a model are for, where their number is left to accel.
enum class Hint {
  kUndefined,   // many items or one: as kThroughput, and one that is alone takes all threads
  kLatency,     // one item at a time, as soon as can be
  kThroughput,  // as many items as can be
};
std::string_view to_string(Hint hint);

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
  // A run that takes longer is taken for hung and ends with UNAVAILABLE. A worker process is killed
  // then. In a thread the run is left to itself with all that it holds, and the next gets a new
  // session; who asks for that pays two hand-overs between threads a run. 0: never. Not given: 60
  // in a process, never in a thread.
  std::optional<double> hang_seconds = {};
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
  // Rows of a batch of anything but texts: images, recordings. 0: as measured, else 4.
  int64_t batch_rows = 0;
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

  bool operator==(const LoadOptions&) const = default;
};

}  // namespace accel
