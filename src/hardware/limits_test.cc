#include "hardware/limits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>

#include <cstring>
#include <vector>

#include "hardware/fake_root.h"

namespace accel::hardware {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
namespace fs = std::filesystem;

constexpr const char* kMountsV2 =
    "22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw\n"
    "30 22 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n";

void add_machine(const FakeRoot& root, const char* cpus) {
  root.write("proc/self/status", std::string("Name:\taccel\nVmHWM:\t    4096 kB\n"
                                             "VmRSS:\t    2048 kB\nCpus_allowed_list:\t") +
                                     cpus + "\n");
  root.write("proc/meminfo", "MemTotal:       16000000 kB\nMemFree:          100000 kB\n"
                             "MemAvailable:    8000000 kB\n");
}

TEST(UsableCores, RoundsTheQuotaToNearest) {
  EXPECT_EQ(usable_cores(8, std::nullopt), 8);
  EXPECT_EQ(usable_cores(8, 1.5), 2);
  EXPECT_EQ(usable_cores(8, 1.4), 1);
  EXPECT_EQ(usable_cores(8, 2.0), 2);
  EXPECT_EQ(usable_cores(8, 0.1), 1);
  EXPECT_EQ(usable_cores(8, 7.5), 8);
  EXPECT_EQ(usable_cores(2, 64.0), 2);
  EXPECT_EQ(usable_cores(2, 1e300), 2);
  EXPECT_EQ(usable_cores(0, std::nullopt), 1);
}

TEST(Quota, TextsOfBothVersions) {
  EXPECT_EQ(parse_cpu_max("150000 100000\n"), 1.5);
  EXPECT_EQ(parse_cpu_max("50000"), 0.5);
  for (const char* text : {"max 100000\n", "", "0 100000", "-1 100000", "1 0", "1 2 3", "x y"}) {
    EXPECT_EQ(parse_cpu_max(text), std::nullopt) << text;
  }
  EXPECT_EQ(parse_cfs_quota("200000\n", "100000\n"), 2.0);
  EXPECT_EQ(parse_cfs_quota("-1\n", "100000\n"), std::nullopt);
  EXPECT_EQ(parse_cfs_quota("200000", ""), std::nullopt);
}

TEST(Memory, LimitTexts) {
  EXPECT_EQ(parse_memory_limit("1073741824\n"), 1u << 30);
  EXPECT_EQ(parse_memory_limit("0"), 0u);
  for (const char* text : {"max\n", "9223372036854771712\n", "18446744073709551615", "", "-1"}) {
    EXPECT_EQ(parse_memory_limit(text), std::nullopt) << text;
  }
  EXPECT_EQ(parse_kilobytes("VmPeak: 1 kB\nVmRSS:\t  12 kB\n", "VmRSS"), 12288u);
  for (const char* text : {"", "VmRSS", "VmRSS: 12", "VmRSS: -1 kB", "VmRSS: x kB"}) {
    EXPECT_EQ(parse_kilobytes(text, "VmRSS"), std::nullopt) << text;
  }
}

TEST(Cgroups, LinesOfBothVersions) {
  const auto entries =
      parse_cgroups("4:memory:/box\n1:cpu,cpuacct:/docker/a:b\n0::/user.slice\nbad\n:\nx::/y\n");
  ASSERT_EQ(entries.size(), 3u);
  EXPECT_EQ(entries[0].hierarchy, 4);
  EXPECT_THAT(entries[1].controllers, ElementsAre("cpu", "cpuacct"));
  EXPECT_EQ(entries[1].path, "/docker/a:b");
  EXPECT_THAT(entries[2].controllers, IsEmpty());
}

TEST(Cgroups, MountsWithBlanksInTheirNames) {
  const auto mounts = parse_cgroup_mounts(
      "33 31 0:30 / /sys/fs/cgroup/cpu\\040set rw shared:9 master:1 - cgroup cgroup rw,cpu\n"
      "30 22 0:26 /docker/x /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
      "22 1 8:1 / / rw - ext4 /dev/sda1 rw\nshort - cgroup\nnonsense\n");
  ASSERT_EQ(mounts.size(), 2u);
  EXPECT_EQ(mounts[0].version, 1);
  EXPECT_EQ(mounts[0].mount_point, "/sys/fs/cgroup/cpu set");
  EXPECT_THAT(mounts[0].controllers, ElementsAre("rw", "cpu"));
  EXPECT_EQ(mounts[1].version, 2);
  EXPECT_EQ(mounts[1].root, "/docker/x");
}

TEST(Cgroups, FoldersFromTheOwnGroupToTheMountPoint) {
  const std::vector<CgroupEntry> entries{{0, {}, "/a/b"}};
  const auto folders = [&](const char* root) {
    return cgroup_folders("cpu", 2, entries, {{2, {}, root, "/sys/fs/cgroup"}});
  };
  EXPECT_THAT(folders("/"), ElementsAre(fs::path("/sys/fs/cgroup/a/b"),
                                        fs::path("/sys/fs/cgroup/a"), fs::path("/sys/fs/cgroup")));
  // A container that sees its own group as the root, named by the host's path.
  EXPECT_THAT(folders("/a"), ElementsAre(fs::path("/sys/fs/cgroup/b"), fs::path("/sys/fs/cgroup")));
  EXPECT_THAT(folders("/a/b"), ElementsAre(fs::path("/sys/fs/cgroup")));
  // Another group, and one whose name only begins alike.
  EXPECT_THAT(folders("/other"), ElementsAre(fs::path("/sys/fs/cgroup")));
  EXPECT_THAT(folders("/a/bc"), ElementsAre(fs::path("/sys/fs/cgroup")));
  EXPECT_THAT(cgroup_folders("cpu", 2, {{0, {}, "/../x"}}, {{2, {}, "/", "/cg"}}),
              ElementsAre(fs::path("/cg")));
  EXPECT_THAT(cgroup_folders("cpu", 1, entries, {{2, {}, "/", "/cg"}}), IsEmpty());
  EXPECT_THAT(cgroup_folders("cpu", 2, entries, {}), IsEmpty());
}

TEST(CpuLimits, SmallestOfNestedVersion2Quotas) {
  const FakeRoot root;
  add_machine(root, "0-15");
  root.write("proc/self/cgroup", "0::/kube/pod\n");
  root.write("proc/self/mountinfo", kMountsV2);
  root.write("sys/fs/cgroup/kube/pod/cpu.max", "800000 100000\n");
  root.write("sys/fs/cgroup/kube/cpu.max", "250000 100000\n");
  const CpuLimits limits = read_cpu_limits(root.path());
  EXPECT_EQ(limits.affinity, 16);
  EXPECT_EQ(limits.quota_cores, 2.5);
  EXPECT_EQ(limits.quota_source, "/sys/fs/cgroup/kube/cpu.max");
  EXPECT_EQ(limits.usable, 3);
}

TEST(CpuLimits, Version1WithMixedMounts) {
  const FakeRoot root;
  add_machine(root, "0-7");
  root.write("proc/self/cgroup", "3:cpu,cpuacct:/docker/abc\n0::/docker/abc\n");
  root.write("proc/self/mountinfo",
             "33 31 0:30 /docker/abc /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n"
             "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
  root.write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "150000\n");
  root.write("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  const CpuLimits limits = read_cpu_limits(root.path());
  EXPECT_EQ(limits.quota_cores, 1.5);
  EXPECT_EQ(limits.quota_source, "/sys/fs/cgroup/cpu/cpu.cfs_quota_us");
  EXPECT_EQ(limits.usable, 2);
}

TEST(CpuLimits, AffinityAloneAndNothingAtAll) {
  const FakeRoot root;
  add_machine(root, "2,5");
  CpuLimits limits = read_cpu_limits(root.path());
  EXPECT_EQ(limits.affinity, 2);
  EXPECT_EQ(limits.quota_cores, std::nullopt);
  EXPECT_EQ(limits.quota_source, "");
  EXPECT_EQ(limits.usable, 2);
  const FakeRoot empty;
  EXPECT_EQ(read_cpu_limits(empty.path()).usable, 1);
}

TEST(CpuLimits, ThisProcessFollowsItsAffinity) {
  cpu_set_t before;
  ASSERT_EQ(::sched_getaffinity(0, sizeof before, &before), 0);
  EXPECT_EQ(read_cpu_limits().affinity, CPU_COUNT(&before));
  int first = 0;
  while (!CPU_ISSET(first, &before)) ++first;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(first, &one);
  ASSERT_EQ(::sched_setaffinity(0, sizeof one, &one), 0);
  const CpuLimits limits = read_cpu_limits();
  EXPECT_EQ(::sched_setaffinity(0, sizeof before, &before), 0);
  EXPECT_EQ(limits.affinity, 1);
  EXPECT_EQ(limits.usable, 1);
}

TEST(MemoryLimits, SmallestGroupAndWhatItLeaves) {
  const FakeRoot root;
  add_machine(root, "0");
  root.write("proc/self/cgroup", "0::/a/b\n");
  root.write("proc/self/mountinfo", kMountsV2);
  root.write("sys/fs/cgroup/a/b/memory.max", "max\n");
  root.write("sys/fs/cgroup/a/memory.max", "4294967296\n");
  root.write("sys/fs/cgroup/a/memory.current", "3221225472\n");
  root.write("sys/fs/cgroup/a/memory.stat", "anon 1\ninactive_file 1073741824\n");
  const MemoryLimits limits = read_memory_limits(root.path());
  EXPECT_EQ(limits.total_bytes, 16000000ull << 10);
  EXPECT_EQ(limits.cgroup_limit_bytes, 4ull << 30);
  EXPECT_EQ(limits.limit_source, "/sys/fs/cgroup/a/memory.max");
  EXPECT_EQ(limits.available_bytes, 2ull << 30);  // page cache that is idle can be given back
}

TEST(MemoryLimits, Version1AndNone) {
  const FakeRoot root;
  add_machine(root, "0");
  EXPECT_EQ(read_memory_limits(root.path()).available_bytes, 8000000ull << 10);
  EXPECT_EQ(read_memory_limits(root.path()).cgroup_limit_bytes, std::nullopt);
  root.write("proc/self/cgroup", "4:memory:/box\n");
  root.write("proc/self/mountinfo",
             "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n");
  root.write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  root.write("sys/fs/cgroup/memory/box/memory.limit_in_bytes", "1073741824\n");
  root.write("sys/fs/cgroup/memory/box/memory.usage_in_bytes", "2147483648\n");
  const MemoryLimits limits = read_memory_limits(root.path());
  EXPECT_EQ(limits.cgroup_limit_bytes, 1ull << 30);
  EXPECT_EQ(limits.available_bytes, 0u);  // over the limit already
}

TEST(MemoryUse, FromTheStatusFileAndOfThisProcess) {
  const FakeRoot root;
  add_machine(root, "0");
  EXPECT_EQ(read_memory_use(root.path()).resident_bytes, 2048u << 10);
  EXPECT_EQ(read_memory_use(root.path()).peak_bytes, 4096u << 10);

  const MemoryUse before = read_memory_use();
  EXPECT_GT(before.resident_bytes, 0u);
  constexpr size_t kBytes = 64 << 20;
  std::vector<char> touched(kBytes);
  std::memset(touched.data(), 1, touched.size());
  EXPECT_EQ(touched[kBytes / 2], 1);
  const MemoryUse after = read_memory_use();
  EXPECT_GT(after.resident_bytes, before.resident_bytes + kBytes / 2);
  EXPECT_GE(after.peak_bytes, after.resident_bytes);
}

}  // namespace
}  // namespace accel::hardware
