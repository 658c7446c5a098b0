// Accelerators beside the CPU: is there one, and is its kernel driver ready. Found by sysfs and
// device nodes alone: no library is loaded, nothing is started, and it takes a millisecond. What an
// engine can do with a device is the engine's to say (backend/backend.h).
//
// Nothing here fails; an unreadable folder is an absent device, with the reason. Safe from any
// thread.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace accel::hardware {

struct Accelerator {
  // "intel-gpu", "intel-npu", "intel-vpu" (Movidius sticks), "nvidia-gpu", "amd-gpu",
  // "qualcomm-npu", "apple-gpu" (Metal), and the interfaces "webnn" and "webgpu", for which
  // "found" is a runtime that programs can use.
  std::string kind;
  std::string title;   // "Intel GPU"
  bool found = false;  // the hardware is there
  bool ready = false;  // and its driver answers: device nodes exist and this user may open them
  // Why it is not ready, naming the missing driver or permission and what to do; when ready, what
  // was seen ("1 device, driver xe").
  std::string reason;
  std::vector<std::string> devices;  // what was found: "0000:00:02.0 8086:56a0"
  std::string driver;                // "i915", "nvidia 550.54.14"; empty when none is bound
};

// One entry per kind, always all of them, in a fixed order.
std::vector<Accelerator> find_accelerators(const std::filesystem::path& root = "/");

}  // namespace accel::hardware
