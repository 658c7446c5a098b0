#include "engine/known_backends.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "engine/crash_probe.h"
#include "engine/placement_choice.h"

namespace accel::engine {

Result<BackendPtr> KnownBackends::find(const std::string& name) const {
  const auto it = parts_.backends.find(name);
  if (it != parts_.backends.end()) return it->second;
  if (name == "pytorch") {
    return unavailable("backend 'pytorch' is in no build of accel yet");
  }
  std::vector<std::string> names;
  for (const auto& [known, backend] : parts_.backends) names.push_back(known);
  return not_found(
      fmt::format("backend '{}' is not known; expected one of: {}", name, fmt::join(names, ", ")));
}

Status KnownBackends::probe(const std::string& name) const {
  if (!parts_.probe || name != "openvino") return {};
  return probe_engine(*parts_.facts, parts_.processor.identity(),
                      "OpenVINO " + parts_.backends.at(name)->info().version);
}

// What the backend says of itself, unless its engine crashes here.
backend::Info KnownBackends::examine(const backend::Backend& backend) const {
  backend::Info info = backend.info();
  if (!info.available) return info;
  const Status probed = probe(info.name);
  if (probed.ok()) return info;
  return {info.name, info.version, false, probed.message(), "--backend reference"};
}

std::vector<BackendReport> KnownBackends::reports() const {
  std::vector<BackendReport> reports;
  for (const auto& [name, backend] : parts_.backends) {
    const backend::Info info = examine(*backend);
    reports.push_back({info.name, info.version, info.available, info.reason, info.remedy});
  }
  return reports;
}

std::vector<DeviceReport> KnownBackends::devices_of(const backend::Backend& backend) const {
  std::vector<DeviceReport> reports;
  const backend::Info info = examine(backend);
  if (!info.available) return reports;
  for (backend::Device& device : backend.devices()) {
    const bool cpu = device.kind == "cpu";
    const std::string runtime = info.name + " " + info.version;
    reports.push_back({.backend = info.name,
                       .name = std::move(device.name),
                       .full_name = std::move(device.full_name),
                       .kind = std::move(device.kind),
                       .precisions = std::move(device.precisions),
                       .architecture = cpu ? parts_.processor.architecture : device.architecture,
                       .units = cpu ? parts_.processor.cores : device.units,
                       .driver = device.driver.empty() ? runtime : device.driver});
  }
  return reports;
}

std::vector<DeviceReport> KnownBackends::devices() const {
  std::vector<DeviceReport> reports;
  for (const auto& [name, backend] : parts_.backends) {
    const std::vector<DeviceReport> real = devices_of(*backend);
    const auto& hidden = parts_.simulated_devices;
    for (const DeviceReport& device : real) {
      if (std::ranges::find(hidden, device.name) == hidden.end()) reports.push_back(device);
    }
    if (name == "reference") continue;
    for (DeviceReport& device : simulated_devices(hidden, real)) {
      reports.push_back(std::move(device));
    }
  }
  return reports;
}

}  // namespace accel::engine
