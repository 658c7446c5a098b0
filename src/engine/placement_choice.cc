#include "engine/placement_choice.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>

#include "hardware/former_devices.h"

namespace accel::engine {
namespace {

constexpr std::string_view kReference = "reference";
constexpr std::string_view kCpuDevice = "CPU";

std::string names_of(const std::vector<DeviceReport>& devices) {
  std::vector<std::string_view> names;
  for (const DeviceReport& device : devices) names.push_back(device.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

bool is_narrow(Precision precision) {
  return precision != Precision::kAuto && precision != Precision::kF32;
}

Placement on_reference(std::string fallback_reason, std::string local_reason) {
  return {.backend = std::string(kReference),
          .device = std::string(kCpuDevice),
          .precision = Precision::kF32,
          .fallback_reason = std::move(fallback_reason),
          .local_reason = std::move(local_reason)};
}

// "openvino on GPU.1 in bf16"
std::string text_of(const LoadOptions& options) {
  return fmt::format("{} on {}{}", options.backend, options.device,
                     is_narrow(options.precision)
                         ? fmt::format(" in {}", to_string(options.precision))
                         : std::string());
}

}  // namespace

Placement requested_placement(const LoadOptions& options,
                              const hardware::AccelerationSwitch& acceleration,
                              const std::vector<std::string>& simulated) {
  if (!acceleration.enabled) {
    // Whoever asks for the reference gets what was asked for.
    const bool other = options.backend != kReference || is_narrow(options.precision);
    return on_reference(
        !other || options.local
            ? std::string()
            : fmt::format("{} turns acceleration off: the reference backend instead of {}",
                          acceleration.assignment(), text_of(options)),
        acceleration.assignment());
  }
  if (options.local) {
    return on_reference(
        is_narrow(options.precision)
            ? fmt::format("the local path computes in f32, not in {}", to_string(options.precision))
            : std::string(),
        "asked for");
  }
  Placement placement{.backend = options.backend,
                      .device = options.device,
                      .precision = options.precision,
                      .fallback_reason = {},
                      .local_reason = {}};
  const bool stands_in = std::ranges::find(simulated, options.device) != simulated.end();
  if (stands_in) placement.device = kCpuDevice;
  return placement;
}

Placement placement_without_openvino(Placement placement) {
  if (placement.backend == kReference || placement.backend == "pytorch") return placement;
  return on_reference(
      fmt::format("{} on CPU instead of {} on {}: this build leaves the OpenVINO backend out",
                  kReference, placement.backend, placement.device),
      std::move(placement.local_reason));
}

Status check_former_device(const std::string& device, const std::vector<DeviceReport>& devices) {
  const std::string_view fate = hardware::fate_of_device(device);
  if (fate.empty() || std::ranges::find(devices, device, &DeviceReport::name) != devices.end()) {
    return {};
  }
  return not_found(fmt::format("device '{}' is not on this machine; {}; expected one of: {}",
                               device, fate, names_of(devices)));
}

Status check_measurable(bool simulates, const hardware::AccelerationSwitch& acceleration) {
  if (simulates) {
    return failed_precondition(
        "measuring with simulated devices: their numbers would be those of the CPU; leave out "
        "--simulate-device and --simulate-fault (EngineOptions::simulated_devices, _faults)");
  }
  if (acceleration.enabled) return {};
  return failed_precondition(
      fmt::format("measuring with acceleration switched off: {} leaves nothing to choose; unset it",
                  acceleration.assignment()));
}

Status check_simulated_names(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    const size_t dot = name.find('.');
    const std::string_view kind = std::string_view(name).substr(0, dot);
    const std::string_view number =
        dot == std::string::npos ? std::string_view("0") : std::string_view(name).substr(dot + 1);
    const auto is_upper = [](unsigned char c) { return std::isupper(c) != 0; };
    const auto is_digit = [](unsigned char c) { return std::isdigit(c) != 0; };
    const bool fine = !kind.empty() && std::ranges::all_of(kind, is_upper) && !number.empty() &&
                      std::ranges::all_of(number, is_digit) && kind != kCpuDevice;
    if (!fine) {
      return invalid_argument(fmt::format("simulated device '{}': expected a device's name as "
                                          "GPU, GPU.1 or NPU, and not CPU, which is real",
                                          name));
    }
  }
  return {};
}

std::vector<DeviceReport> simulated_devices(const std::vector<std::string>& names,
                                            const std::vector<DeviceReport>& real) {
  std::vector<DeviceReport> devices;
  const auto cpu = std::ranges::find(real, kCpuDevice, &DeviceReport::name);
  if (cpu == real.end()) return devices;
  for (const std::string& name : names) {
    DeviceReport device = *cpu;
    device.name = name;
    device.full_name = "simulated on " + cpu->full_name;
    device.kind = name.substr(0, name.find('.'));
    std::ranges::transform(device.kind, device.kind.begin(),
                           [](unsigned char c) { return std::tolower(c); });
    device.simulated = true;
    devices.push_back(std::move(device));
  }
  return devices;
}

}  // namespace accel::engine
