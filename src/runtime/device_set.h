// Devices as users write them: pure.
//
//   CPU  GPU  GPU.1  NPU        one device, as its engine names it
//   CPU/2                       two threads of the CPU
//   CPU[0-1]  CPU[0,2]          a worker process bound to these logical CPUs, with a thread on each
//   AUTO  AUTO:GPU,CPU  AUTO:-GPU    the first that can, of all, of these, of all but these
//   MULTI:GPU(1.5),CPU(1.0)     all together, with weights or without; MULTI: every device
//   HETERO:GPU,CPU              each operation on the first that can
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "accel/status.h"

namespace accel::runtime {

enum class DeviceMode : uint8_t { kSingle, kAuto, kMulti, kHetero };

struct DeviceMember {
  std::string name;   // "GPU.1"
  int threads = 0;    // of a part of the CPU; 0: all
  double weight = 0;  // 0: none given
  // Logical CPUs that a worker process is bound to, ascending; then `threads` is their number.
  std::vector<int> cores = {};
  bool operator==(const DeviceMember&) const = default;
};

struct DeviceSet {
  DeviceMode mode = DeviceMode::kSingle;
  std::vector<DeviceMember> members;  // empty, but for kSingle: whatever is there
  std::vector<std::string> excluded;  // of kAuto
};

// "CPU/2", "CPU[0-1]", "GPU(1.5)".
std::string to_text(const DeviceMember& member);

// INVALID_ARGUMENT shows the right form.
Result<DeviceSet> parse_devices(std::string_view text);

// Where it runs on a machine that has `present`, of which a name stands for all of its kind: "GPU"
// is there when "GPU.0" is.
struct ResolvedDevices {
  DeviceMode mode = DeviceMode::kSingle;  // others of at least two members
  std::vector<DeviceMember> members;      // at least one
  std::vector<std::string> dropped;       // names that were asked for and are not there
};

// NOT_FOUND lists what there is. A single device is not looked for: its engine knows better.
Result<ResolvedDevices> resolve_devices(const DeviceSet& wanted,
                                        std::span<const std::string> present);

}  // namespace accel::runtime
