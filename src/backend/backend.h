// The contract between accel and an engine: Backend -> CompiledModel -> Session.
//
// A backend turns an ov::Model into something that runs on one of its devices. Nothing above this
// header knows an engine's name, types or exceptions. The conformance suite (conformance.h) states
// the same contract as checks; every backend passes it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "accel/layers.h"
#include "accel/precision.h"
#include "accel/tensor.h"

namespace ov {
class Model;
}

namespace accel::backend {

struct Device {
  std::string name;                   // as the engine spells it: "CPU", "GPU.0"
  std::string full_name;              // vendor's name
  std::string kind;                   // "cpu", "gpu", "npu"
  std::vector<Precision> precisions;  // found by compiling a one-layer model in each, not guessed
  std::string architecture;           // as the engine names it; empty: it does not
  int units = 0;                      // execution units of a GPU; 0: not known
  std::string driver;                 // version of the device's driver; empty: not known
};

// What a backend is and whether it can be used. Asking never fails.
struct Info {
  std::string name;     // "openvino", "reference"
  std::string version;  // the engine's own
  bool available = false;
  std::string reason;  // why not, with the loader's own message; empty when available
  std::string remedy;  // the exact line to type; empty when available
};

struct CompileOptions {
  std::string device = "CPU";
  Precision precision = Precision::kF32;  // kAuto is resolved above this contract
  int streams = 1;                        // how many sessions may run at the same time
  int threads = 0;                        // of all streams together; 0: all that the process has
  bool own_kernels = true;                // false: only the engine's kernels, to compare with
  // Runs and layers are timed, which costs a little; layers() has the times. With one stream.
  bool profile = false;
  // With several streams: the graph may be compiled once more, with one, for runs that no other is
  // under way beside. It holds the weights once more.
  bool lone_graph = false;
  // The logical CPUs that the engine is bound to; empty: all that the process has. Only a backend
  // that has a process of its own can bind one (backends/process).
  std::vector<int> cores = {};
};

// One input or output. Dimensions of -1 are free.
struct Port {
  std::string name;
  DType dtype;
  Shape shape;
};

struct Signature {
  std::vector<Port> inputs;
  std::vector<Port> outputs;
};

// What the engine really does, read back from the compiled model.
struct Executed {
  std::string device;   // the engine's name of the device that runs it
  Precision precision;  // of the compute-heavy layers
  int streams = 1;
  int threads = 1;
  // What computes the dense layers: "engine", or accel's own by instruction set, "accel-avx512".
  std::string kernels = "engine";
};

// The changeable half of a model: buffers of one run at a time. One owner, one thread at a time.
class Session {
 public:
  virtual ~Session() = default;

  // Runs once. `inputs` are matched by name; all of the signature's inputs must be present with
  // their dtype and a fitting shape, else INVALID_ARGUMENT listing the expected ones. `outputs`
  // comes back in the signature's order; its tensors are valid until the next run() or the
  // session's end and must be copied to live longer.
  virtual Status run(const NamedTensors& inputs, NamedTensors& outputs) = 0;

  // A hint: somebody waits for each of the runs that follow, so runs that nobody waits for may be
  // put off for them. Where an engine cannot, it changes nothing.
  virtual void set_urgent(bool /*urgent*/) {}
};

// The process in which a compiled model runs, where that is not this one.
struct WorkerState {
  int pid = 0;  // 0: not running now
  uint64_t starts = 0;
  uint64_t crashes = 0;
  uint64_t hangs = 0;
};

// Bytes in memory and what keeps them there: a mapped file. Nobody changes them.
struct Blob {
  std::span<const std::byte> bytes;
  std::shared_ptr<const void> owner;
};

// The immutable half: graph, packed weights, kernels. Shared by its sessions, safe from any thread.
class CompiledModel {
 public:
  virtual ~CompiledModel() = default;
  virtual const Signature& signature() const = 0;
  virtual const Executed& executed() const = 0;
  virtual Result<std::unique_ptr<Session>> create_session() const = 0;

  // Writes what Backend::import_compiled() makes the same model of again; may go back in `out`.
  // UNIMPLEMENTED, with the reason and nothing written, for a model that has no such form.
  virtual Status export_to(std::ostream& /*out*/) const {
    return unimplemented("this backend writes no compiled models");
  }

  // How the graph is executed, and, with CompileOptions::profile, how long that has taken so far.
  // UNIMPLEMENTED where an engine does not tell.
  virtual Result<LayersReport> layers() const {
    return unimplemented("this backend does not tell how it runs a graph");
  }

  // Nothing for a model that runs in this process.
  virtual std::optional<WorkerState> worker() const { return std::nullopt; }

  // Runs in this process that were given up, for they took too long.
  virtual uint64_t hangs() const { return 0; }
};

// One engine. Made once by cli/wire.cc or the Engine; safe from any thread.
class Backend {
 public:
  virtual ~Backend() = default;
  virtual Info info() const = 0;
  // The devices that can be used now; empty when the backend is unavailable. Probes at first call.
  virtual std::vector<Device> devices() const = 0;
  // Their names alone, where that is known without probing.
  virtual std::vector<std::string> device_names() const {
    std::vector<std::string> names;
    for (const Device& device : devices()) names.push_back(device.name);
    return names;
  }
  // NOT_FOUND for a device that is not there (the message lists those that are), UNIMPLEMENTED for
  // an operation or precision the backend lacks, UNAVAILABLE when it cannot be used at all.
  virtual Result<std::shared_ptr<const CompiledModel>> compile(
      const std::shared_ptr<const ov::Model>& model, const CompileOptions& options) const = 0;

  // What compile() would say of any model for `options`, where that can be told without one; its
  // errors. Takes milliseconds.
  virtual Status check(const CompileOptions& /*options*/) const { return {}; }

  // The model that export_to() wrote into `blob`, which is kept as long as the model needs it.
  // `options` are those it was compiled with. FAILED_PRECONDITION for a blob of another engine
  // build or other options, DATA_LOSS for one that is cut off or no such blob, UNIMPLEMENTED
  // where export_to() is.
  //
  // Engines do not check what they read here, and run it: give only bytes that export_to() wrote
  // and that a checksum has found unchanged (store/cache.h).
  virtual Result<std::shared_ptr<const CompiledModel>> import_compiled(
      const Blob& /*blob*/, const CompileOptions& /*options*/) const {
    return unimplemented("this backend reads no compiled models");
  }
};

}  // namespace accel::backend
