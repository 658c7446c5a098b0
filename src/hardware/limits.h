// How much of the machine this process may use: cores by affinity and cgroup quota, memory by
// cgroup limit. A container sees all cores of its host, and an engine that starts a thread for each
// is stalled by the kernel for most of every period; hence this file.
//
// Both cgroup versions and mixtures of them are understood. Limits nest: every ancestor that is
// visible is read and the smallest wins. `root` is "/" except in tests. Nothing here fails: what
// cannot be read does not limit. Safe from any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace accel::hardware {

struct CpuLimits {
  int affinity = 1;                   // logical CPUs that the scheduler may give this process
  std::optional<double> quota_cores;  // CPU time per time; absent: unlimited
  std::string quota_source;           // the file that set quota_cores; empty when unlimited
  int usable = 1;                     // usable_cores(affinity, quota_cores): threads to start
};

struct MemoryLimits {
  uint64_t total_bytes = 0;      // of the machine
  uint64_t available_bytes = 0;  // without swapping, as the kernel estimates; at most what the
                                 // cgroup leaves
  std::optional<uint64_t> cgroup_limit_bytes;  // absent: unlimited
  std::string limit_source;                    // the file that set it
};

struct MemoryUse {
  uint64_t resident_bytes = 0;  // now
  uint64_t peak_bytes = 0;      // highest since the process started
};

CpuLimits read_cpu_limits(const std::filesystem::path& root = "/");
MemoryLimits read_memory_limits(const std::filesystem::path& root = "/");
MemoryUse read_memory_use(const std::filesystem::path& root = "/");

// The pure part -----------------------------------------------------------------------------------

// max(1, min(affinity, quota rounded to the nearest whole number, halves up)). Rounding down would
// idle up to half of a small quota (1.5 cores: one thread, a third of the time unused); rounding up
// would have every thread stalled together in every period (1.1 cores: two threads stand still for
// 45 ms of each 100). Nearest bounds both losses by half a core.
int usable_cores(int affinity, std::optional<double> quota_cores);

// The text of a cpu.max file (version 2): "150000 100000" is 1.5, "max 100000" and anything
// malformed is no limit.
std::optional<double> parse_cpu_max(std::string_view text);

// cpu.cfs_quota_us and cpu.cfs_period_us (version 1): a quota of -1 or malformed text is no limit.
std::optional<double> parse_cfs_quota(std::string_view quota_us, std::string_view period_us);

// memory.max (version 2) or memory.limit_in_bytes (version 1): "max", numbers of 2^62 and more (how
// version 1 says unlimited) and malformed text are no limit.
std::optional<uint64_t> parse_memory_limit(std::string_view text);

// A line of /proc/self/cgroup. Version 2 is hierarchy 0 with no controllers.
struct CgroupEntry {
  int hierarchy = 0;
  std::vector<std::string> controllers;  // "cpu", "cpuacct", "memory", "name=systemd"
  std::string path;                      // "/user.slice/session-1.scope"
};
std::vector<CgroupEntry> parse_cgroups(std::string_view text);

// A cgroup mount in /proc/self/mountinfo.
struct CgroupMount {
  int version = 2;
  std::vector<std::string> controllers;  // version 1 only
  std::string root;                      // the group that is seen at the mount point
  std::string mount_point;
};
std::vector<CgroupMount> parse_cgroup_mounts(std::string_view mountinfo);

// The folders to read for `controller`, from the process's own group up to the mount point; empty
// when it is not mounted. A group outside the mount's view ("/../x", a foreign root) gives the
// mount point alone, as in a container without its own cgroup namespace.
std::vector<std::filesystem::path> cgroup_folders(std::string_view controller, int version,
                                                  const std::vector<CgroupEntry>& entries,
                                                  const std::vector<CgroupMount>& mounts);

// "VmRSS", "MemTotal" ... of /proc/self/status or /proc/meminfo, in bytes; absent when not there.
std::optional<uint64_t> parse_kilobytes(std::string_view text, std::string_view field);

}  // namespace accel::hardware
