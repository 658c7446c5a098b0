// What the kernel says of this process's memory.
#pragma once

#include <cstdint>
#include <fstream>
#include <string>

namespace accel::bench {

// KiB of `field` in /proc/self/status, as "VmRSS"; -1 without it.
inline int64_t memory_kib(const std::string& field) {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(field + ":")) return std::stoll(line.substr(field.size() + 1));
  }
  return -1;
}

}  // namespace accel::bench
