#include "hardware/former_devices.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace accel::hardware {
namespace {

struct FormerDevice {
  std::string_view name;
  std::string_view fate;
};
constexpr std::array<FormerDevice, 4> kFormerDevices{{
    {"GNA", "GNA ended with OpenVINO 2023.3, and what follows it is NPU"},
    {"HDDL", "HDDL ended with OpenVINO 2022.3, and what follows it is NPU"},
    {"MYRIAD", "MYRIAD ended with OpenVINO 2022.3, and what follows it is NPU"},
    {"VPU", "VPU is called NPU now"},
}};

}  // namespace

std::string_view fate_of_device(std::string_view device) {
  std::string kind(device.substr(0, device.find('.')));
  std::ranges::transform(kind, kind.begin(), [](unsigned char c) { return std::toupper(c); });
  const auto found = std::ranges::find(kFormerDevices, kind, &FormerDevice::name);
  return found == kFormerDevices.end() ? std::string_view() : found->fate;
}

std::string_view successor_of_device(std::string_view device) {
  return fate_of_device(device).empty() ? std::string_view() : std::string_view("NPU");
}

}  // namespace accel::hardware
