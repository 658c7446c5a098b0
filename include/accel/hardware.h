// Hardware by the names that accelerate integrations use, the switch that turns acceleration off,
// and what runs where.
//
//   auto engine = accel::Engine::create({});
//   if (accel::is_accelerate_available(**engine)) ...  // a backend has just computed something
//   auto cuda = accel::get_compute_backend(**engine, accel::HardwareType::kCuda);
//   std::cout << cuda.status().to_string() << '\n';    // UNAVAILABLE: cuda: ...
//   auto cpu = accel::get_compute_backend(**engine, accel::HardwareType::kCpu);
//   auto model = cpu.load({.path = "all-MiniLM-L6-v2"});
//
// The switch is the environment variable IPFS_ACCELERATE_ENABLED: 0, false, no, off or disabled
// turn acceleration off, anything else and its absence leave it on. It is read at each call of this
// header and of Engine::load(). While it is off every model is loaded on the local path (see
// LoadOptions::local), whatever is asked for, and each result says so (RunReport::local_reason). A
// model that is loaded keeps what it was loaded on.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "accel/engine.h"
#include "accel/status.h"

namespace accel {

enum class HardwareType { kCpu, kCuda, kRocm, kOpenVino, kMps, kWebNn, kWebGpu, kQualcomm };

// All of them, in this order.
ACCEL_API std::span<const HardwareType> hardware_types();
// "cpu", "cuda", "rocm", "openvino", "mps", "webnn", "webgpu", "qualcomm".
ACCEL_API std::string_view to_string(HardwareType type);
// The same names in any case. INVALID_ARGUMENT, which lists them.
ACCEL_API Result<HardwareType> parse_hardware_type(std::string_view name);

// Whether a kind of hardware is there and whether this build computes on it: two questions.
struct HardwareReport {
  HardwareType type = HardwareType::kCpu;
  std::string title;   // "NVIDIA GPU (CUDA)"
  bool found = false;  // the system shows it
  bool ready = false;  // and its driver can be used
  // One of accel's backends ran a layer on it in this process.
  bool available = false;
  std::string reason;   // why not, naming the driver or backend that is missing; or what was found
  std::string backend;  // which one ran on it: "openvino", "reference"; empty: none
  std::string device;   // what the backend calls it
};

// One entry per type, in their order. Runs a layer on each device that a backend offers; takes
// about a tenth of a second, and never fails.
ACCEL_API std::vector<HardwareReport> hardware_reports(Engine& engine);

// What is used for a model that is loaded without options, and why.
struct AccelerateStatus {
  bool available = false;  // enabled, and an engine other than the reference ran a layer
  bool enabled = true;     // the switch
  std::string error;       // why it is not available; empty when it is
  bool env_disabled = false;
  std::string env_var = "IPFS_ACCELERATE_ENABLED";
  std::optional<std::string> env_value;  // none: not set
  std::string effect;                    // the switch in words: "off by ...=0: the local path ..."
  std::string backend;                   // what runs: "openvino", or "reference"
  std::string device;
  std::vector<std::string> backends;  // all that ran a layer
  std::vector<HardwareReport> hardware;
};

ACCEL_API AccelerateStatus get_accelerate_status(Engine& engine);

// Whether acceleration is switched on and an engine other than the reference has just run a layer.
ACCEL_API bool is_accelerate_available(Engine& engine);

class ComputeBackend;

// kCpu is the fastest backend of the processor, and works everywhere: the reference where OpenVINO
// cannot be used. kOpenVino is OpenVINO alone. No type: openvino, else cpu.
ACCEL_API ComputeBackend get_compute_backend(Engine& engine,
                                             std::optional<HardwareType> type = std::nullopt);

// What runs models on one kind of hardware. A small value; `engine` outlives it. Safe from any
// thread as the engine is.
class ACCEL_API ComputeBackend {
 public:
  HardwareType type() const { return type_; }
  // Empty while status() is no success.
  const std::string& backend() const { return backend_; }
  const std::string& device() const { return device_; }
  // Why acceleration is off, when it is; then backend() is the reference, for every type.
  const std::string& local_reason() const { return local_reason_; }
  // UNAVAILABLE with the reason when nothing here runs on this kind of hardware.
  const Status& status() const { return trouble_; }
  bool is_available() const { return trouble_.ok(); }

  // Engine::load() on this backend and device, whatever `options` say of them. status() when it is
  // no success.
  Result<std::shared_ptr<Model>> load(LoadOptions options) const;
  // Loads `model` for `task` and runs it once; to run it again, keep what load() gives.
  Result<RunResult> run(const std::string& model, std::vector<TaskInput> inputs,
                        const std::string& task = {}) const;

 private:
  friend ComputeBackend get_compute_backend(Engine& engine, std::optional<HardwareType> type);
  Engine* engine_ = nullptr;
  HardwareType type_ = HardwareType::kCpu;
  std::string backend_;
  std::string device_;
  std::string local_reason_;
  Status trouble_;
};

}  // namespace accel
