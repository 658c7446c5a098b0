// What CPU this is. The reader touches the system; everything that understands text is a pure
// function, so that files recorded on other machines can be fed to it.
//
//   CpuInfo cpu = read_cpu();
//   if (cpu.has("avx512_bf16")) ...
//
// Nothing here fails: what cannot be found out stays empty or zero. Safe from any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace accel::hardware {

// All caches of one level and type together.
struct CacheInfo {
  int level = 0;            // 1 is nearest to the core
  std::string type;         // "data", "instruction", "unified"
  uint64_t size_bytes = 0;  // of one cache; of the largest where they differ (hybrid CPUs)
  int count = 0;            // how many of them the machine has
  bool operator==(const CacheInfo&) const = default;
};

// Cores of one design in a machine that mixes several.
struct CoreKind {
  std::string name;  // "performance", "efficient", "low-power"; on arm64 "Cortex-A78"
  int logical = 0;   // logical CPUs of this kind
  bool operator==(const CoreKind&) const = default;
};

struct CpuInfo {
  std::string architecture;  // "x86-64", "arm64"; else as the kernel names the machine
  std::string vendor;        // "GenuineIntel", "AuthenticAMD", "ARM", "Apple" ...
  std::string model_name;    // "AMD EPYC 9R14"; on arm64 the core's name, e.g. "Neoverse-V1"
  int family = 0;            // arm64: the architecture version, 8
  int model = 0;             // arm64: the part number
  int stepping = 0;          // arm64: the revision

  // The instruction sets that decide which kernels run, sorted, out of known_features(). One is
  // named only when the processor has it and the system lets it be used.
  std::vector<std::string> features;

  int sockets = 0;  // of the machine; what this process may use is in limits.h
  int cores = 0;
  int logical = 0;     // hardware threads that are switched on
  int numa_nodes = 0;  // 1 where the system knows of none

  std::vector<CoreKind> kinds;    // two or more, or none: then all cores are alike
  std::vector<CacheInfo> caches;  // by level, then type

  bool has(std::string_view feature) const;
  bool hybrid() const { return !kinds.empty(); }

  // One line that is equal exactly where measurements may be shared: vendor, family, model,
  // stepping, name, features, cores. Used in the keys of remembered facts.
  std::string identity() const;
};

// Reads the processor, and below `root` the files proc/cpuinfo and sys/devices/system/{cpu,node}.
// With another root than "/" cpuid is not asked: the answer is that of the recorded files.
CpuInfo read_cpu(const std::filesystem::path& root = "/");

// Names, features and counts from the text of /proc/cpuinfo, x86 or arm64. Text of any other form
// gives an empty answer. Caches and numa_nodes are not in this file.
CpuInfo parse_cpuinfo(std::string_view text);

// All names that CpuInfo::features can hold. They are the flags of /proc/cpuinfo ("avx512_vnni",
// "amx_int8"), but for two of arm64 that say more: "dotprod" for asimddp, "fp16" for asimdhp.
std::vector<std::string> known_features();

// "0-3,8,10-11" as numbers in order. Anything malformed, or beyond CPU 65535, gives an empty list.
std::vector<int> parse_cpu_list(std::string_view text);

// "32K", "1024K", "36M", "480" as bytes; 0 when malformed.
uint64_t parse_cache_size(std::string_view text);

}  // namespace accel::hardware
