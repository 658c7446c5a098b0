// The devices that ran an input, as its result names them: pure.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace accel::pipelines {

// Adds `device` to "CPU/1#0+GPU#1" unless it stands there.
inline void add_device(std::string& devices, std::string_view device) {
  std::string_view left = devices;
  while (!left.empty()) {
    const std::string_view one = left.substr(0, left.find('+'));
    if (one == device) return;
    left.remove_prefix(std::min(one.size() + 1, left.size()));
  }
  if (!devices.empty()) devices += '+';
  devices += device;
}

}  // namespace accel::pipelines
