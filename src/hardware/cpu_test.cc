#include "hardware/cpu.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/files.h"
#include "hardware/cpuid.h"
#include "hardware/fake_root.h"
#include "hardware/system_text.h"
#include "hardware/threads.h"

namespace accel::hardware {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::IsSubsetOf;
using ::testing::Not;

// tests/data/hardware holds files in the kernel's form: one recorded, the others with the facts of
// their machines and fewer processors.
std::string recorded(const std::string& name) {
  return *read_file(std::string(ACCEL_TEST_DATA) + "/hardware/" + name, 1 << 20);
}

// row 15 (partial: the CPU; other devices are named by their engines)
TEST(Cpuinfo, XeonWithVnniAndWithoutBf16) {
  const CpuInfo cpu = parse_cpuinfo(recorded("xeon_ice_lake.txt"));
  EXPECT_EQ(cpu.architecture, "x86-64");
  EXPECT_EQ(cpu.vendor, "GenuineIntel");
  EXPECT_EQ(cpu.model_name, "Intel(R) Xeon(R) Processor @ 2.80GHz");
  EXPECT_EQ(cpu.family, 6);
  EXPECT_EQ(cpu.model, 106);
  EXPECT_EQ(cpu.stepping, 6);
  EXPECT_EQ(cpu.sockets, 1);
  EXPECT_EQ(cpu.cores, 2);
  EXPECT_EQ(cpu.logical, 2);
  EXPECT_THAT(cpu.features, ElementsAre("avx", "avx2", "avx512_vnni", "avx512bw", "avx512dq",
                                        "avx512f", "avx512vl", "f16c", "fma", "sse4_2"));
  EXPECT_TRUE(cpu.has("avx512_vnni"));
  EXPECT_FALSE(cpu.has("avx512_bf16"));
  EXPECT_FALSE(cpu.hybrid());
}

TEST(Cpuinfo, XeonWithAmx) {
  const CpuInfo cpu = parse_cpuinfo(recorded("xeon_sapphire_rapids.txt"));
  for (const char* feature : {"amx_tile", "amx_int8", "amx_bf16", "avx512_fp16", "avx_vnni"}) {
    EXPECT_TRUE(cpu.has(feature)) << feature;
  }
  EXPECT_FALSE(cpu.has("amx_fp16"));
  EXPECT_EQ(cpu.cores, 2);
  EXPECT_EQ(cpu.logical, 4);
}

TEST(Cpuinfo, TwoSocketsOfZen4) {
  const CpuInfo cpu = parse_cpuinfo(recorded("epyc_zen4_two_sockets.txt"));
  EXPECT_EQ(cpu.vendor, "AuthenticAMD");
  EXPECT_EQ(cpu.model_name, "AMD EPYC 9R14");
  EXPECT_EQ(cpu.family, 25);
  EXPECT_EQ(cpu.sockets, 2);
  EXPECT_EQ(cpu.cores, 4);
  EXPECT_EQ(cpu.logical, 8);
  EXPECT_TRUE(cpu.has("avx512_bf16"));
  EXPECT_TRUE(cpu.has("avx512_vnni"));
  EXPECT_FALSE(cpu.has("amx_tile"));
}

TEST(Cpuinfo, Arm64UsesTheSameWordsForTheSameThings) {
  const CpuInfo cpu = parse_cpuinfo(recorded("graviton_neoverse_v1.txt"));
  EXPECT_EQ(cpu.architecture, "arm64");
  EXPECT_EQ(cpu.vendor, "ARM");
  EXPECT_EQ(cpu.model_name, "Neoverse-V1");
  EXPECT_EQ(cpu.model, 0xd40);
  EXPECT_EQ(cpu.stepping, 1);
  EXPECT_EQ(cpu.logical, 4);
  EXPECT_THAT(cpu.features,
              ElementsAre("asimd", "bf16", "dotprod", "fp16", "i8mm", "sve", "svebf16", "svei8mm"));
}

TEST(Cpuinfo, Arm64HybridCountsOnlyFeaturesThatAllCoresHave) {
  const CpuInfo cpu = parse_cpuinfo(recorded("cortex_a78_a55_hybrid.txt"));
  EXPECT_EQ(cpu.model_name, "Cortex-A78");
  EXPECT_TRUE(cpu.hybrid());
  EXPECT_THAT(cpu.kinds, ElementsAre(CoreKind{"Cortex-A78", 4}, CoreKind{"Cortex-A55", 2}));
  EXPECT_TRUE(cpu.has("dotprod"));
  EXPECT_FALSE(cpu.has("bf16"));  // the small cores lack it
}

TEST(Cpuinfo, UnknownArmPartIsNamedByItsNumber) {
  const CpuInfo cpu =
      parse_cpuinfo("processor : 0\nFeatures : asimd\nCPU implementer : 0x7f\nCPU part : 0xabc\n");
  EXPECT_EQ(cpu.vendor, "0x7f");
  EXPECT_EQ(cpu.model_name, "0xabc");
}

TEST(Cpuinfo, OtherTextGivesAnEmptyAnswer) {
  for (const char* text : {"", "\n\n", ":", "processor", "hart : 0\nisa : rv64imafdc\n",
                           "processor : 0\nvendor_id : IBM/S390\n", "flags : avx2\n"}) {
    const CpuInfo cpu = parse_cpuinfo(text);
    EXPECT_EQ(cpu.logical, 0) << text;
    EXPECT_EQ(cpu.architecture, "") << text;
    EXPECT_THAT(cpu.features, IsEmpty()) << text;
  }
}

TEST(Cpuinfo, IdentityDiffersWhereMeasurementsWould) {
  CpuInfo cpu = parse_cpuinfo(recorded("xeon_ice_lake.txt"));
  const std::string before = cpu.identity();
  EXPECT_EQ(before, parse_cpuinfo(recorded("xeon_ice_lake.txt")).identity());
  cpu.features.pop_back();
  EXPECT_NE(before, cpu.identity());
  EXPECT_NE(before, parse_cpuinfo(recorded("epyc_zen4_two_sockets.txt")).identity());
}

TEST(Cpuid, FeaturesNeedTheSystemToSaveTheirRegisters) {
  CpuidRegisters all;
  all.leaf1_ecx = all.leaf7_ebx = all.leaf7_ecx = all.leaf7_edx = ~0u;
  all.leaf7_1_eax = all.leaf7_1_edx = ~0u;
  all.xcr0 = 0x600e7;
  EXPECT_THAT(cpuid_features(all), IsSubsetOf(known_features()));
  EXPECT_THAT(cpuid_features(all), Contains("amx_fp16"));
  EXPECT_THAT(cpuid_features(all), Contains("avx512_fp16"));
  EXPECT_TRUE(std::ranges::is_sorted(cpuid_features(all)));

  all.xcr0 = 0xe7;  // no tiles
  EXPECT_THAT(cpuid_features(all), Not(Contains("amx_tile")));
  EXPECT_THAT(cpuid_features(all), Contains("avx512f"));
  all.xcr0 = 0x7;  // no 512-bit registers
  EXPECT_THAT(cpuid_features(all), Not(Contains("avx512f")));
  EXPECT_THAT(cpuid_features(all), Contains("avx_vnni_int8"));
  all.xcr0 = 0x3;
  EXPECT_THAT(cpuid_features(all), ElementsAre("sse4_2"));
  EXPECT_THAT(cpuid_features({}), IsEmpty());
}

TEST(CpuList, RangesAndRefusals) {
  EXPECT_THAT(parse_cpu_list("0-3,8,10-11\n"), ElementsAre(0, 1, 2, 3, 8, 10, 11));
  EXPECT_THAT(parse_cpu_list("5,1"), ElementsAre(1, 5));
  for (const char* text :
       {"", "3-1", "a", "-1", "1,,2", "0-65536", "99999999999", "0-65535,0-65535,0-65535"}) {
    EXPECT_THAT(parse_cpu_list(text), IsEmpty()) << text;
  }
}

TEST(CacheSize, SuffixesAndRefusals) {
  EXPECT_EQ(parse_cache_size("32K\n"), 32768u);
  EXPECT_EQ(parse_cache_size("36M"), 36u << 20);
  EXPECT_EQ(parse_cache_size("480"), 480u);
  for (const char* text : {"", "K", "-1K", "1T", "99999999999G"}) {
    EXPECT_EQ(parse_cache_size(text), 0u) << text;
  }
}

void add_cache(const FakeRoot& root, int cpu, int index, const char* text[4]) {
  const std::string folder = "sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/cache/index" +
                             std::to_string(index) + "/";
  const char* names[] = {"level", "type", "size", "shared_cpu_list"};
  for (int i = 0; i < 4; ++i) root.write(folder + names[i], text[i]);
}

TEST(Cpu, HybridMachineFromItsFiles) {
  const FakeRoot root;
  root.write("proc/cpuinfo", recorded("core_alder_lake_hybrid.txt"));
  root.write("sys/devices/system/cpu/online", "0-7\n");
  root.write("sys/devices/cpu_core/cpus", "0-3\n");
  root.write("sys/devices/cpu_atom/cpus", "4-7\n");
  root.write("sys/devices/system/node/online", "0\n");
  for (int cpu = 0; cpu < 8; ++cpu) {
    const std::string own = cpu < 4 ? (cpu < 2 ? "0-1" : "2-3") : std::to_string(cpu);
    const char* l1[] = {"1\n", "Data\n", cpu < 4 ? "48K\n" : "32K\n", own.c_str()};
    add_cache(root, cpu, 0, l1);
    const char* l3[] = {"3\n", "Unified\n", "12288K\n", "0-7\n"};
    add_cache(root, cpu, 1, l3);
  }
  const CpuInfo cpu = read_cpu(root.path());
  EXPECT_TRUE(cpu.has("avx_vnni"));
  EXPECT_FALSE(cpu.has("avx512f"));
  EXPECT_EQ(cpu.cores, 6);
  EXPECT_EQ(cpu.logical, 8);
  EXPECT_EQ(cpu.numa_nodes, 1);
  EXPECT_THAT(cpu.kinds, ElementsAre(CoreKind{"performance", 4}, CoreKind{"efficient", 4}));
  EXPECT_THAT(cpu.caches, ElementsAre(CacheInfo{1, "data", 48 << 10, 6},
                                      CacheInfo{3, "unified", 12288 << 10, 1}));
}

TEST(Cpu, Arm64TopologyFromSysfs) {
  const FakeRoot root;
  root.write("proc/cpuinfo", recorded("graviton_neoverse_v1.txt"));
  root.write("sys/devices/system/cpu/online", "0-3");
  root.write("sys/devices/system/node/online", "0-1");
  for (int cpu = 0; cpu < 4; ++cpu) {
    const std::string folder = "sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/";
    root.write(folder + "physical_package_id", cpu < 2 ? "36\n" : "37\n");
    root.write(folder + "thread_siblings_list", std::to_string(cpu));
  }
  const CpuInfo cpu = read_cpu(root.path());
  EXPECT_EQ(cpu.sockets, 2);
  EXPECT_EQ(cpu.cores, 4);
  EXPECT_EQ(cpu.numa_nodes, 2);
}

TEST(Cpu, AnEmptyRootIsNoFailure) {
  const FakeRoot root;
  const CpuInfo cpu = read_cpu(root.path());
  EXPECT_EQ(cpu.logical, 0);
  EXPECT_EQ(cpu.numa_nodes, 1);
  EXPECT_THAT(cpu.caches, IsEmpty());
}

// row 14 (partial: the CPU against what the system shows; accelerators_test.cc has the others)
TEST(Cpu, ThisMachineAgreesWithTheSystem) {
  const CpuInfo cpu = read_cpu();
  EXPECT_EQ(cpu.logical, ::sysconf(_SC_NPROCESSORS_ONLN));
  EXPECT_GE(cpu.cores, 1);
  EXPECT_GE(cpu.sockets, 1);
  EXPECT_LE(cpu.sockets, cpu.cores);
  EXPECT_LE(cpu.cores, cpu.logical);
  EXPECT_FALSE(cpu.architecture.empty());
  EXPECT_FALSE(cpu.features.empty());
  EXPECT_THAT(cpu.features, IsSubsetOf(known_features()));
#if defined(__x86_64__)
  EXPECT_EQ(cpu.has("avx2"), __builtin_cpu_supports("avx2") != 0);
  EXPECT_EQ(cpu.has("avx512f"), __builtin_cpu_supports("avx512f") != 0);
  EXPECT_EQ(cpu.has("avx512_vnni"), __builtin_cpu_supports("avx512vnni") != 0);
#endif
}

TEST(SystemText, Pieces) {
  EXPECT_THAT(split("a,,b", ','), ElementsAre("a", "", "b"));
  EXPECT_THAT(split("", ','), ElementsAre(""));
  EXPECT_THAT(split_words("  a\tb  "), ElementsAre("a", "b"));
  EXPECT_THAT(split_words(" \t"), IsEmpty());
  EXPECT_EQ(parse_number(" 0x1f\n"), 31);
  EXPECT_EQ(parse_number("-1"), -1);
  for (const char* text : {"", "0x", "0x-1", "1 2", "1x", "+1", "99999999999999999999"}) {
    EXPECT_EQ(parse_number(text), std::nullopt) << text;
  }
}

TEST(Threads, NamesAreCutBetweenCharacters) {
  name_this_thread("accel-test");
  EXPECT_EQ(this_thread_name(), "accel-test");
  name_this_thread("fourteen-bytesä");  // 'ä' would end at byte 16
  EXPECT_EQ(this_thread_name(), "fourteen-bytes");
}

}  // namespace
}  // namespace accel::hardware
