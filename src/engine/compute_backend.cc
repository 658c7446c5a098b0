#include "accel/hardware.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "base/try.h"
#include "hardware/acceleration_switch.h"
#include "hardware/accelerators.h"

namespace accel {
namespace engine {
namespace {

struct TypeRow {
  HardwareType type;
  std::string_view name;
  std::string_view title;
  std::string_view accelerator;  // hardware::Accelerator::kind; empty: not one of those
};
constexpr std::array<TypeRow, 8> kTypes{{
    {HardwareType::kCpu, "cpu", "processor", ""},
    {HardwareType::kCuda, "cuda", "NVIDIA GPU (CUDA)", "nvidia-gpu"},
    {HardwareType::kRocm, "rocm", "AMD GPU (ROCm)", "amd-gpu"},
    {HardwareType::kOpenVino, "openvino", "OpenVINO (Intel CPU, GPU, NPU)", ""},
    {HardwareType::kMps, "mps", "Apple GPU (Metal)", "apple-gpu"},
    {HardwareType::kWebNn, "webnn", "WebNN", "webnn"},
    {HardwareType::kWebGpu, "webgpu", "WebGPU", "webgpu"},
    {HardwareType::kQualcomm, "qualcomm", "Qualcomm NPU", "qualcomm-npu"},
}};
constexpr std::array<HardwareType, 8> kTypeList{
    HardwareType::kCpu, HardwareType::kCuda,  HardwareType::kRocm,   HardwareType::kOpenVino,
    HardwareType::kMps, HardwareType::kWebNn, HardwareType::kWebGpu, HardwareType::kQualcomm};

const TypeRow& row_of(HardwareType type) {
  return *std::ranges::find(kTypes, type, &TypeRow::type);
}

// What computed, and what can be said of the rest.
struct Surroundings {
  std::vector<DeviceReport> proven;  // real devices that ran a layer
  std::vector<BackendReport> backends;
  std::vector<hardware::Accelerator> accelerators;
};

Surroundings look_around(Engine& engine) {
  Surroundings seen{
      .proven = {}, .backends = engine.backends(), .accelerators = hardware::find_accelerators()};
  for (DeviceReport& device : engine.devices()) {
    if (!device.simulated && !device.precisions.empty()) seen.proven.push_back(std::move(device));
  }
  return seen;
}

const DeviceReport* proven_device(const Surroundings& seen, std::string_view backend,
                                  std::string_view name = {}) {
  for (const DeviceReport& device : seen.proven) {
    if (device.backend == backend && (name.empty() || device.name == name)) return &device;
  }
  return nullptr;
}

std::string names_of_proven(const Surroundings& seen, std::string_view backend) {
  std::vector<std::string_view> names;
  for (const DeviceReport& device : seen.proven) {
    if (device.backend == backend) names.push_back(device.name);
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

void ran_on(const DeviceReport* device, HardwareReport& report) {
  if (device == nullptr) return;
  report.available = true;
  report.backend = device->backend;
  report.device = device->name;
}

void judge_processor(const Surroundings& seen, HardwareReport& report) {
  report.found = true;
  report.ready = true;
  const DeviceReport* device = proven_device(seen, "openvino", "CPU");
  if (device == nullptr) device = proven_device(seen, "reference", "CPU");
  ran_on(device, report);
  report.reason = device == nullptr ? "no backend computes right on this processor"
                                    : fmt::format("{}, by {}", device->full_name, device->driver);
}

void judge_openvino(const Surroundings& seen, HardwareReport& report) {
  const auto about = std::ranges::find(seen.backends, "openvino", &BackendReport::name);
  const DeviceReport* device = proven_device(seen, "openvino", "CPU");
  if (device == nullptr) device = proven_device(seen, "openvino");
  ran_on(device, report);
  report.found = about != seen.backends.end();
  report.ready = report.found && about->available;
  if (report.available) {
    report.reason = fmt::format("{} on {}", about->version, names_of_proven(seen, "openvino"));
  } else if (!report.ready) {
    report.reason = report.found ? about->reason : "this build has no such backend";
  } else {
    report.reason = "none of its devices ran a layer";
  }
}

// What the system shows, for which this build has no backend.
void judge_accelerator(const Surroundings& seen, std::string_view kind, HardwareReport& report) {
  const auto found = std::ranges::find(seen.accelerators, kind, &hardware::Accelerator::kind);
  if (found == seen.accelerators.end()) return;
  report.found = found->found;
  report.ready = found->ready;
  report.reason = found->reason;
  if (report.ready) report.reason += "; this build has no backend that runs on it";
}

std::vector<HardwareReport> reports_of(const Surroundings& seen) {
  std::vector<HardwareReport> reports;
  for (const TypeRow& row : kTypes) {
    HardwareReport report;
    report.type = row.type;
    report.title = row.title;
    switch (row.type) {
      case HardwareType::kCpu: judge_processor(seen, report); break;
      case HardwareType::kOpenVino: judge_openvino(seen, report); break;
      default: judge_accelerator(seen, row.accelerator, report); break;
    }
    reports.push_back(std::move(report));
  }
  return reports;
}

const HardwareReport& report_for(const std::vector<HardwareReport>& reports, HardwareType type) {
  return *std::ranges::find(reports, type, &HardwareReport::type);
}

std::string names_of_available(const std::vector<HardwareReport>& reports) {
  std::vector<std::string_view> names;
  for (const HardwareReport& report : reports) {
    if (report.available) names.push_back(to_string(report.type));
  }
  return names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", "));
}

void judge_effect(const hardware::AccelerationSwitch& acceleration, AccelerateStatus& status) {
  const HardwareReport& openvino = report_for(status.hardware, HardwareType::kOpenVino);
  if (!acceleration.enabled) {
    status.error = "switched off by " + acceleration.assignment();
    status.effect = fmt::format(
        "off by {}: every model is loaded on the local path, the reference backend in f32",
        acceleration.assignment());
    const HardwareReport& cpu = report_for(status.hardware, HardwareType::kCpu);
    if (cpu.available) {
      status.backend = "reference";
      status.device = "CPU";
    }
    return;
  }
  status.available = openvino.available;
  if (status.available) {
    status.backend = openvino.backend;
    status.device = openvino.device;
    status.effect = fmt::format("on: models are loaded on {} {}", status.backend, status.device);
  } else {
    status.error = "openvino: " + openvino.reason;
    status.effect = "on, but loading fails unless the local path or a fallback is asked for";
  }
  if (!acceleration.remark.empty()) {
    status.effect += fmt::format("; {}: {}", acceleration.assignment(), acceleration.remark);
  }
}

}  // namespace
}  // namespace engine

std::span<const HardwareType> hardware_types() { return engine::kTypeList; }

std::string_view to_string(HardwareType type) { return engine::row_of(type).name; }

Result<HardwareType> parse_hardware_type(std::string_view name) {
  std::string lower(name);
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return std::tolower(c); });
  std::vector<std::string_view> names;
  for (const engine::TypeRow& row : engine::kTypes) {
    if (row.name == lower) return row.type;
    names.push_back(row.name);
  }
  return invalid_argument(fmt::format("hardware type '{}' is not known; expected one of: {}", name,
                                      fmt::join(names, ", ")));
}

std::vector<HardwareReport> hardware_reports(Engine& engine) {
  return engine::reports_of(engine::look_around(engine));
}

AccelerateStatus get_accelerate_status(Engine& engine) {
  const hardware::AccelerationSwitch acceleration = hardware::read_acceleration_switch();
  const engine::Surroundings seen = engine::look_around(engine);
  AccelerateStatus status;
  status.enabled = acceleration.enabled;
  status.env_disabled = !acceleration.enabled;
  status.env_var = hardware::kSwitchVariable;
  status.env_value = acceleration.value;
  status.hardware = engine::reports_of(seen);
  for (const DeviceReport& device : seen.proven) {
    if (std::ranges::find(status.backends, device.backend) == status.backends.end()) {
      status.backends.push_back(device.backend);
    }
  }
  engine::judge_effect(acceleration, status);
  return status;
}

bool is_accelerate_available(Engine& engine) {
  if (!hardware::read_acceleration_switch().enabled) return false;
  return engine::report_for(hardware_reports(engine), HardwareType::kOpenVino).available;
}

ComputeBackend get_compute_backend(Engine& engine, std::optional<HardwareType> type) {
  const hardware::AccelerationSwitch acceleration = hardware::read_acceleration_switch();
  ComputeBackend made;
  made.engine_ = &engine;
  if (!acceleration.enabled) {
    made.type_ = type.value_or(HardwareType::kCpu);
    made.backend_ = "reference";
    made.device_ = "CPU";
    made.local_reason_ = acceleration.assignment();
    return made;
  }
  const std::vector<HardwareReport> reports = hardware_reports(engine);
  const bool openvino = engine::report_for(reports, HardwareType::kOpenVino).available;
  made.type_ = type.value_or(openvino ? HardwareType::kOpenVino : HardwareType::kCpu);
  const HardwareReport& report = engine::report_for(reports, made.type_);
  made.backend_ = report.backend;
  made.device_ = report.device;
  if (!report.available) {
    made.trouble_ = unavailable(fmt::format("{}: {}; what runs here: {}", to_string(made.type_),
                                            report.reason, engine::names_of_available(reports)));
  }
  return made;
}

Result<std::shared_ptr<Model>> ComputeBackend::load(LoadOptions options) const {
  ACCEL_TRY(trouble_);
  options.backend = backend_;
  options.device = device_;
  return engine_->load(options);
}

Result<RunResult> ComputeBackend::run(const std::string& model, std::vector<TaskInput> inputs,
                                      const std::string& task) const {
  ACCEL_ASSIGN(const std::shared_ptr<Model> loaded,
               load({.path = model, .task = task, .use = Use::kRun}));
  return loaded->run(std::move(inputs), {.task = task, .options = {}});
}

}  // namespace accel
