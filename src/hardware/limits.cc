#include "hardware/limits.h"

#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>

#include "hardware/cpu.h"
#include "hardware/system_text.h"

namespace accel::hardware {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxDepth = 64;      // of nested cgroups
constexpr size_t kMaxEntries = 4096;  // lines of interest in mountinfo or cgroup
constexpr uint64_t kUnlimited = 1ull << 62;

bool contains(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::vector<std::string> strings(const std::vector<std::string_view>& pieces) {
  return {pieces.begin(), pieces.end()};
}

// mountinfo writes blanks and backslashes in paths as \040 and so on.
std::string unescape(std::string_view text) {
  const auto digit = [&text](size_t at, char highest) {
    return at < text.size() && text[at] >= '0' && text[at] <= highest;
  };
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && digit(i + 1, '3') && digit(i + 2, '7') && digit(i + 3, '7')) {
      plain += static_cast<char>((text[i + 1] - '0') << 6 | (text[i + 2] - '0') << 3 |
                                 (text[i + 3] - '0'));
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

// `path` as seen below `root`, or nothing when it lies elsewhere.
std::optional<std::string> below(std::string_view path, std::string_view root) {
  if (root == "/") root = "";
  if (!path.starts_with(root)) return std::nullopt;
  path.remove_prefix(root.size());
  if (!path.empty() && path.front() != '/') return std::nullopt;
  // A group above the namespace's root shows as "/..": it cannot be reached from here.
  for (const std::string_view piece : split(path, '/')) {
    if (piece == "..") return std::nullopt;
  }
  return std::string(path);
}

// The folders of a controller under both versions; a machine may mix them.
struct Folders {
  std::vector<fs::path> version1;
  std::vector<fs::path> version2;
};

Folders folders_of(std::string_view controller, const fs::path& root) {
  const std::string cgroup = read_system_text(root, "proc/self/cgroup").value_or("");
  const std::string mountinfo = read_system_text(root, "proc/self/mountinfo").value_or("");
  const std::vector<CgroupEntry> entries = parse_cgroups(cgroup);
  const std::vector<CgroupMount> mounts = parse_cgroup_mounts(mountinfo);
  return {cgroup_folders(controller, 1, entries, mounts),
          cgroup_folders(controller, 2, entries, mounts)};
}

int read_affinity(const fs::path& root) {
  if (root != "/") {
    const std::string status = read_system_text(root, "proc/self/status").value_or("");
    for (const std::string_view line : split(status, '\n')) {
      const std::optional<Field> field = parse_field(line);
      if (field && field->key == "Cpus_allowed_list") {
        return std::max(1, static_cast<int>(parse_cpu_list(field->value).size()));
      }
    }
    return 1;
  }
  // The kernel refuses a set smaller than its own, whose size it does not tell. The main thread is
  // asked, because the calling one may be bound to a core of its own.
  for (int cpus = 1024; cpus <= kMaxCpus; cpus *= 2) {
    cpu_set_t* set = CPU_ALLOC(static_cast<size_t>(cpus));
    if (set == nullptr) break;
    const size_t bytes = CPU_ALLOC_SIZE(static_cast<size_t>(cpus));
    const int outcome = ::sched_getaffinity(::getpid(), bytes, set);
    const int error = errno;
    const int count = outcome == 0 ? CPU_COUNT_S(bytes, set) : 0;
    CPU_FREE(set);
    if (outcome == 0) return std::max(1, count);
    if (error != EINVAL) break;
  }
  return 1;
}

// Bytes of the group that cannot be given back: page cache that was not used lately does not count.
uint64_t memory_in_use(const fs::path& root, const fs::path& folder, bool version2) {
  const std::string usage =
      text_at(root, folder / (version2 ? "memory.current" : "memory.usage_in_bytes"));
  const std::string stat = text_at(root, folder / "memory.stat");
  const auto used = static_cast<uint64_t>(std::max<int64_t>(0, parse_number(usage).value_or(0)));
  const std::string_view idle_name = version2 ? "inactive_file" : "total_inactive_file";
  for (const std::string_view line : split(stat, '\n')) {
    const std::vector<std::string_view> words = split_words(line);
    if (words.size() != 2 || words[0] != idle_name) continue;
    const int64_t idle = parse_number(words[1]).value_or(0);
    return used - std::min(used, static_cast<uint64_t>(std::max<int64_t>(0, idle)));
  }
  return used;
}

}  // namespace

int usable_cores(int affinity, std::optional<double> quota_cores) {
  double cores = std::max(1, affinity);
  if (quota_cores) cores = std::min(cores, std::floor(*quota_cores + 0.5));
  return std::max(1, static_cast<int>(cores));
}

std::optional<double> parse_cpu_max(std::string_view text) {
  const std::vector<std::string_view> words = split_words(text);
  if (words.empty() || words.size() > 2) return std::nullopt;
  return parse_cfs_quota(words[0], words.size() == 2 ? words[1] : "100000");
}

std::optional<double> parse_cfs_quota(std::string_view quota_us, std::string_view period_us) {
  const std::optional<int64_t> quota = parse_number(quota_us);
  const std::optional<int64_t> period = parse_number(period_us);
  if (!quota || !period || *quota <= 0 || *period <= 0) return std::nullopt;
  return static_cast<double>(*quota) / static_cast<double>(*period);
}

std::optional<uint64_t> parse_memory_limit(std::string_view text) {
  const std::optional<int64_t> bytes = parse_number(text);
  if (!bytes || *bytes < 0 || static_cast<uint64_t>(*bytes) >= kUnlimited) return std::nullopt;
  return static_cast<uint64_t>(*bytes);
}

std::vector<CgroupEntry> parse_cgroups(std::string_view text) {
  std::vector<CgroupEntry> entries;
  for (const std::string_view line : split(text, '\n')) {
    const size_t first = line.find(':');
    const size_t second = line.find(':', first + 1);
    if (first == std::string_view::npos || second == std::string_view::npos) continue;
    CgroupEntry entry;
    entry.hierarchy = parse_int(line.substr(0, first), -1);
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    if (!controllers.empty()) entry.controllers = strings(split(controllers, ','));
    entry.path = line.substr(second + 1);
    if (entry.hierarchy < 0 || !entry.path.starts_with('/')) continue;
    entries.push_back(std::move(entry));
    if (entries.size() == kMaxEntries) break;
  }
  return entries;
}

std::vector<CgroupMount> parse_cgroup_mounts(std::string_view mountinfo) {
  std::vector<CgroupMount> mounts;
  for (const std::string_view line : split(mountinfo, '\n')) {
    // "36 35 98:0 /root /mount/point rw,noatime shared:1 - cgroup source rw,cpu,cpuacct"
    const size_t dash = line.find(" - ");
    if (dash == std::string_view::npos) continue;
    const std::vector<std::string_view> left = split_words(line.substr(0, dash));
    const std::vector<std::string_view> right = split_words(line.substr(dash + 3));
    if (left.size() < 5 || right.empty()) continue;
    if (right[0] != "cgroup" && right[0] != "cgroup2") continue;
    CgroupMount mount;
    mount.version = right[0] == "cgroup2" ? 2 : 1;
    if (mount.version == 1 && right.size() >= 3) mount.controllers = strings(split(right[2], ','));
    mount.root = unescape(left[3]);
    mount.mount_point = unescape(left[4]);
    mounts.push_back(std::move(mount));
    if (mounts.size() == kMaxEntries) break;
  }
  return mounts;
}

std::vector<fs::path> cgroup_folders(std::string_view controller, int version,
                                     const std::vector<CgroupEntry>& entries,
                                     const std::vector<CgroupMount>& mounts) {
  const auto entry = std::find_if(entries.begin(), entries.end(), [&](const CgroupEntry& e) {
    return version == 2 ? e.hierarchy == 0 && e.controllers.empty()
                        : contains(e.controllers, controller);
  });
  if (entry == entries.end()) return {};
  const CgroupMount* chosen = nullptr;
  std::optional<std::string> inside;
  for (const CgroupMount& mount : mounts) {
    if (mount.version != version) continue;
    if (version == 1 && !contains(mount.controllers, controller)) continue;
    // Of several mounts the one that shows the process's own group is the one to read.
    std::optional<std::string> seen = below(entry->path, mount.root);
    if (chosen != nullptr && !seen) continue;
    chosen = &mount;
    inside = std::move(seen);
    if (inside) break;
  }
  if (chosen == nullptr) return {};
  std::vector<fs::path> folders;
  for (std::string path = inside.value_or(""); folders.size() < kMaxDepth;) {
    while (path.ends_with('/')) path.pop_back();
    folders.emplace_back(chosen->mount_point + path);
    if (path.empty()) return folders;
    path.erase(path.rfind('/'));
  }
  folders.emplace_back(chosen->mount_point);
  return folders;
}

std::optional<uint64_t> parse_kilobytes(std::string_view text, std::string_view name) {
  for (const std::string_view line : split(text, '\n')) {
    const std::optional<Field> field = parse_field(line);
    if (!field || field->key != name) continue;
    std::string_view value = field->value;
    if (!value.ends_with("kB")) return std::nullopt;
    value.remove_suffix(2);
    const std::optional<int64_t> kilobytes = parse_number(value);
    if (!kilobytes || *kilobytes < 0 || *kilobytes >= int64_t{1} << 52) return std::nullopt;
    return static_cast<uint64_t>(*kilobytes) << 10;
  }
  return std::nullopt;
}

CpuLimits read_cpu_limits(const fs::path& root) {
  CpuLimits limits;
  limits.affinity = read_affinity(root);
  const auto apply = [&limits](std::optional<double> quota, const fs::path& file) {
    if (!quota || (limits.quota_cores && *limits.quota_cores <= *quota)) return;
    limits.quota_cores = quota;
    limits.quota_source = file.string();
  };
  const Folders folders = folders_of("cpu", root);
  for (const fs::path& folder : folders.version2) {
    apply(parse_cpu_max(text_at(root, folder / "cpu.max")), folder / "cpu.max");
  }
  for (const fs::path& folder : folders.version1) {
    apply(parse_cfs_quota(text_at(root, folder / "cpu.cfs_quota_us"),
                          text_at(root, folder / "cpu.cfs_period_us")),
          folder / "cpu.cfs_quota_us");
  }
  limits.usable = usable_cores(limits.affinity, limits.quota_cores);
  return limits;
}

MemoryLimits read_memory_limits(const fs::path& root) {
  MemoryLimits limits;
  const std::string meminfo = read_system_text(root, "proc/meminfo").value_or("");
  limits.total_bytes = parse_kilobytes(meminfo, "MemTotal").value_or(0);
  limits.available_bytes = parse_kilobytes(meminfo, "MemAvailable").value_or(limits.total_bytes);
  const auto apply = [&](const fs::path& folder, bool version2) {
    const fs::path file = folder / (version2 ? "memory.max" : "memory.limit_in_bytes");
    const std::optional<uint64_t> limit = parse_memory_limit(text_at(root, file));
    if (!limit) return;
    const uint64_t used = memory_in_use(root, folder, version2);
    limits.available_bytes = std::min(limits.available_bytes, *limit - std::min(*limit, used));
    if (limits.cgroup_limit_bytes && *limits.cgroup_limit_bytes <= *limit) return;
    limits.cgroup_limit_bytes = limit;
    limits.limit_source = file.string();
  };
  const Folders folders = folders_of("memory", root);
  for (const fs::path& folder : folders.version2) apply(folder, true);
  for (const fs::path& folder : folders.version1) apply(folder, false);
  return limits;
}

MemoryUse read_memory_use(const fs::path& root) {
  const std::string status = read_system_text(root, "proc/self/status").value_or("");
  MemoryUse use;
  use.resident_bytes = parse_kilobytes(status, "VmRSS").value_or(0);
  use.peak_bytes = parse_kilobytes(status, "VmHWM").value_or(0);
  rusage self{};
  // Some sandboxes leave the peak out of the file.
  if (use.peak_bytes == 0 && root == "/" && ::getrusage(RUSAGE_SELF, &self) == 0) {
    use.peak_bytes = static_cast<uint64_t>(self.ru_maxrss) << 10;
  }
  use.peak_bytes = std::max(use.peak_bytes, use.resident_bytes);
  return use;
}

}  // namespace accel::hardware
