#include "engine/device_places.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/try.h"

namespace accel::engine {

Result<runtime::ResolvedDevices> find_devices(const backend::Backend& backend,
                                              const std::string& text) {
  ACCEL_ASSIGN(const runtime::DeviceSet set, runtime::parse_devices(text));
  if (set.mode == runtime::DeviceMode::kSingle) return runtime::resolve_devices(set, {});
  const std::vector<std::string> present = backend.device_names();
  ACCEL_ASSIGN(runtime::ResolvedDevices found, runtime::resolve_devices(set, present));
  if (found.mode == runtime::DeviceMode::kHetero) {
    std::string names;
    for (const runtime::DeviceMember& member : found.members) {
      names += (names.empty() ? "HETERO:" : ",") + member.name;
    }
    found.members = {{.name = names}};
  }
  return found;
}

std::vector<std::string> notices_of(const runtime::ResolvedDevices& devices) {
  if (devices.dropped.empty()) return {};
  std::vector<std::string> names;
  for (const runtime::DeviceMember& member : devices.members) names.push_back(to_text(member));
  return {fmt::format("{} not on this machine, left out; runs on {}",
                      fmt::join(devices.dropped, ", "), fmt::join(names, " and "))};
}

Result<DevicePlaces> places_of(const backend::Backend* backend, const std::string& text) {
  ACCEL_ASSIGN(const runtime::DeviceSet set, runtime::parse_devices(text));
  if (set.mode != runtime::DeviceMode::kAuto || backend == nullptr) return DevicePlaces{{text}, {}};
  const auto found = runtime::resolve_devices(set, backend->device_names());
  if (!found.ok()) return DevicePlaces{{text}, {}};  // is said again, and may be fallen back from
  DevicePlaces places{.devices = {}, .notices = notices_of(*found)};
  for (const runtime::DeviceMember& member : found->members) {
    places.devices.push_back(to_text(member));
  }
  return places;
}

}  // namespace accel::engine
