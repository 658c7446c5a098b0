// Arbitrary text into every parser of /proc and /sys: no crash, and answers within their bounds.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "hardware/cpu.h"
#include "hardware/limits.h"

namespace {

void expect(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace accel::hardware;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const CpuInfo cpu = parse_cpuinfo(text);
  expect(cpu.cores <= cpu.logical && cpu.sockets <= cpu.logical);
  expect(std::is_sorted(cpu.features.begin(), cpu.features.end()));
  const auto cpus = parse_cpu_list(text);
  expect(cpus.size() <= 65536 && std::is_sorted(cpus.begin(), cpus.end()));
  parse_cache_size(text);

  const std::string_view first = text.substr(0, text.find('\0'));
  const std::string_view second = text.substr(std::min(first.size() + 1, text.size()));
  const auto quota = parse_cpu_max(text);
  const auto cfs = parse_cfs_quota(first, second);
  expect(usable_cores(4, quota) >= 1 && usable_cores(4, quota) <= 4);
  expect(!cfs || *cfs > 0);
  parse_memory_limit(text);
  parse_kilobytes(text, "VmRSS");
  const auto entries = parse_cgroups(first);
  const auto mounts = parse_cgroup_mounts(second);
  for (const int version : {1, 2}) {
    expect(cgroup_folders("cpu", version, entries, mounts).size() <= 65);
  }
  return 0;
}
