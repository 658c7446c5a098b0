#include "hardware/cpu.h"

#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "hardware/cpuid.h"
#include "hardware/system_text.h"

namespace accel::hardware {
namespace {

namespace fs = std::filesystem;

// The flags of /proc/cpuinfo that matter.
constexpr std::string_view kX86Flags =
    "amx_bf16 amx_fp16 amx_int8 amx_tile avx avx10 avx2 avx512_bf16 avx512_fp16 avx512_vnni "
    "avx512bw avx512dq avx512f avx512vl avx_ifma avx_ne_convert avx_vnni avx_vnni_int8 f16c fma "
    "sse4_2";
constexpr std::string_view kArmFlags =
    "asimd asimddp asimdhp bf16 i8mm sme sme2 sve sve2 svebf16 svei8mm";

std::string feature_of(std::string_view flag) {
  if (flag == "asimddp") return "dotprod";
  if (flag == "asimdhp") return "fp16";
  return std::string(flag);
}

struct ArmName {
  int implementer;
  int part;  // -1: the implementer's own name
  std::string_view name;
};
constexpr auto kArmNames = std::to_array<ArmName>({
    {0x41, -1, "ARM"},
    {0x41, 0xd03, "Cortex-A53"},
    {0x41, 0xd05, "Cortex-A55"},
    {0x41, 0xd07, "Cortex-A57"},
    {0x41, 0xd08, "Cortex-A72"},
    {0x41, 0xd09, "Cortex-A73"},
    {0x41, 0xd0a, "Cortex-A75"},
    {0x41, 0xd0b, "Cortex-A76"},
    {0x41, 0xd0c, "Neoverse-N1"},
    {0x41, 0xd40, "Neoverse-V1"},
    {0x41, 0xd41, "Cortex-A78"},
    {0x41, 0xd44, "Cortex-X1"},
    {0x41, 0xd46, "Cortex-A510"},
    {0x41, 0xd47, "Cortex-A710"},
    {0x41, 0xd48, "Cortex-X2"},
    {0x41, 0xd49, "Neoverse-N2"},
    {0x41, 0xd4d, "Cortex-A715"},
    {0x41, 0xd4e, "Cortex-X3"},
    {0x41, 0xd4f, "Neoverse-V2"},
    {0x41, 0xd80, "Cortex-A520"},
    {0x41, 0xd81, "Cortex-A720"},
    {0x41, 0xd82, "Cortex-X4"},
    {0x41, 0xd84, "Neoverse-V3"},
    {0x41, 0xd8e, "Neoverse-N3"},
    {0x46, -1, "Fujitsu"},
    {0x46, 0x001, "A64FX"},
    {0x48, -1, "HiSilicon"},
    {0x48, 0xd01, "Kunpeng-920"},
    {0x4e, -1, "NVIDIA"},
    {0x51, -1, "Qualcomm"},
    {0x61, -1, "Apple"},
    {0x61, 0x022, "M1 Icestorm"},
    {0x61, 0x023, "M1 Firestorm"},
    {0xc0, -1, "Ampere"},
    {0xc0, 0xac3, "Ampere-1"},
    {0xc0, 0xac4, "Ampere-1a"},
});

std::string arm_name(int implementer, int part) {
  for (const ArmName& known : kArmNames) {
    if (known.implementer == implementer && known.part == part) return std::string(known.name);
  }
  constexpr std::string_view kDigits = "0123456789abcdef";
  const int number = part < 0 ? implementer : part;
  std::string text = "0x";
  for (int shift = number > 0xff ? 8 : 4; shift >= 0; shift -= 4) {
    text += kDigits[static_cast<size_t>(number >> shift & 15)];
  }
  return text;
}

// Those of the `wanted` flags that are among `flags`, as features in order.
std::vector<std::string> features_from_flags(std::string_view wanted, std::string_view flags) {
  const std::vector<std::string_view> words = split_words(flags);
  const std::set<std::string_view> present(words.begin(), words.end());
  std::vector<std::string> features;
  for (const std::string_view flag : split_words(wanted)) {
    if (present.contains(flag)) features.push_back(feature_of(flag));
  }
  std::sort(features.begin(), features.end());
  return features;
}

// One "processor" paragraph of /proc/cpuinfo: the last value of each key.
using Paragraph = std::map<std::string_view, std::string_view>;

std::string_view value_of(const Paragraph& paragraph, std::string_view key) {
  const auto found = paragraph.find(key);
  return found == paragraph.end() ? std::string_view() : found->second;
}

std::vector<Paragraph> paragraphs_of(std::string_view text) {
  std::vector<Paragraph> paragraphs;
  for (const std::string_view line : split(text, '\n')) {
    const std::optional<Field> field = parse_field(line);
    if (!field) continue;
    // arm64 kernels write a further paragraph (Hardware, Serial) that describes no processor.
    if (field->key == "processor") {
      if (paragraphs.size() == kMaxCpus) break;
      paragraphs.emplace_back();
    } else if (trim(field->key) == "Hardware") {
      break;
    }
    if (!paragraphs.empty()) paragraphs.back()[field->key] = field->value;
  }
  return paragraphs;
}

void read_x86(const std::vector<Paragraph>& paragraphs, CpuInfo& cpu) {
  const Paragraph& first = paragraphs.front();
  cpu.architecture = "x86-64";
  cpu.vendor = value_of(first, "vendor_id");
  cpu.model_name = value_of(first, "model name");
  cpu.family = parse_int(value_of(first, "cpu family"), 0);
  cpu.model = parse_int(value_of(first, "model"), 0);
  cpu.stepping = parse_int(value_of(first, "stepping"), 0);
  cpu.features = features_from_flags(kX86Flags, value_of(first, "flags"));
  std::set<std::string_view> sockets;
  std::set<std::pair<std::string_view, std::string_view>> cores;
  for (const Paragraph& paragraph : paragraphs) {
    const std::string_view socket = value_of(paragraph, "physical id");
    sockets.insert(socket);
    // A machine with one logical CPU has neither id; each processor is then a core.
    const std::string_view core = paragraph.contains("core id") ? value_of(paragraph, "core id")
                                                                : value_of(paragraph, "processor");
    cores.emplace(socket, core);
  }
  cpu.sockets = static_cast<int>(sockets.size());
  cpu.cores = static_cast<int>(cores.size());
}

void read_arm(const std::vector<Paragraph>& paragraphs, CpuInfo& cpu) {
  const Paragraph& first = paragraphs.front();
  cpu.architecture = "arm64";
  cpu.family = parse_int(value_of(first, "CPU architecture"), 0);
  cpu.stepping = parse_int(value_of(first, "CPU revision"), 0);
  cpu.sockets = 1;
  cpu.cores = static_cast<int>(paragraphs.size());
  // A flag counts only when all cores have it: a thread may run on any of them.
  cpu.features = features_from_flags(kArmFlags, value_of(first, "Features"));
  std::string_view last_flags = value_of(first, "Features");
  std::map<std::pair<int, int>, int> kinds;  // (implementer, part) -> CPUs
  for (const Paragraph& paragraph : paragraphs) {
    const std::pair<int, int> kind{parse_int(value_of(paragraph, "CPU implementer"), 0) & 0xff,
                                   parse_int(value_of(paragraph, "CPU part"), 0) & 0xfff};
    ++kinds[kind];
    if (value_of(paragraph, "Features") == last_flags) continue;
    last_flags = value_of(paragraph, "Features");
    const std::vector<std::string> here = features_from_flags(kArmFlags, last_flags);
    std::vector<std::string> both;
    std::set_intersection(cpu.features.begin(), cpu.features.end(), here.begin(), here.end(),
                          std::back_inserter(both));
    cpu.features = std::move(both);
  }
  // The largest part number is the newest or fastest design: it names the machine.
  const auto [implementer, part] = kinds.rbegin()->first;
  cpu.vendor = arm_name(implementer, -1);
  cpu.model_name = arm_name(implementer, part);
  cpu.model = part;
  if (kinds.size() < 2) return;
  for (auto kind = kinds.rbegin(); kind != kinds.rend(); ++kind) {
    cpu.kinds.push_back({arm_name(kind->first.first, kind->first.second), kind->second});
  }
}

// Caches as sysfs lists them per CPU, each counted once.
std::vector<CacheInfo> read_caches(const fs::path& root, const std::vector<int>& cpus) {
  std::map<std::pair<int, std::string>, CacheInfo> caches;
  std::map<std::string, std::set<int>> covered;  // "index2" -> CPUs whose cache was counted
  for (const int cpu : cpus) {
    const fs::path folder = "sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/cache";
    for (int index = 0; index < 8; ++index) {
      const std::string name = "index" + std::to_string(index);
      if (covered[name].contains(cpu)) continue;
      const int level = parse_int(text_at(root, folder / name / "level"), 0);
      if (level < 1) break;
      std::string type = text_at(root, folder / name / "type");
      std::transform(type.begin(), type.end(), type.begin(),
                     [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
      CacheInfo& cache = caches[{level, type}];
      cache.level = level;
      cache.type = type;
      cache.size_bytes =
          std::max(cache.size_bytes, parse_cache_size(text_at(root, folder / name / "size")));
      ++cache.count;
      for (const int sharer : parse_cpu_list(text_at(root, folder / name / "shared_cpu_list"))) {
        covered[name].insert(sharer);
      }
    }
  }
  std::vector<CacheInfo> sorted;
  sorted.reserve(caches.size());
  for (auto& [key, cache] : caches) sorted.push_back(std::move(cache));
  return sorted;
}

// Sockets and cores by sysfs, for machines whose cpuinfo has no ids.
void read_topology(const fs::path& root, const std::vector<int>& cpus, CpuInfo& cpu) {
  std::set<std::string> sockets;
  std::set<std::pair<std::string, std::string>> cores;
  for (const int number : cpus) {
    const fs::path folder = "sys/devices/system/cpu/cpu" + std::to_string(number) + "/topology";
    const std::string socket = text_at(root, folder / "physical_package_id");
    const std::string siblings = text_at(root, folder / "thread_siblings_list");
    if (siblings.empty()) return;
    sockets.insert(socket);
    cores.emplace(socket, siblings);
  }
  cpu.sockets = static_cast<int>(sockets.size());
  cpu.cores = static_cast<int>(cores.size());
}

void read_hybrid(const fs::path& root, CpuInfo& cpu) {
  constexpr std::array<std::pair<const char*, const char*>, 3> kGroups{
      {{"cpu_core", "performance"}, {"cpu_atom", "efficient"}, {"cpu_lowpower", "low-power"}}};
  std::vector<CoreKind> kinds;
  for (const auto& [folder, name] : kGroups) {
    const auto cpus = parse_cpu_list(text_at(root, fs::path("sys/devices") / folder / "cpus"));
    if (!cpus.empty()) kinds.push_back({name, static_cast<int>(cpus.size())});
  }
  if (kinds.size() > 1) cpu.kinds = std::move(kinds);
}

}  // namespace

bool CpuInfo::has(std::string_view feature) const {
  return std::binary_search(features.begin(), features.end(), feature);
}

std::string CpuInfo::identity() const {
  std::string text = architecture + " " + vendor + " " + std::to_string(family) + "/" +
                     std::to_string(model) + "/" + std::to_string(stepping) + " " + model_name +
                     " cores=" + std::to_string(cores) + "/" + std::to_string(logical) +
                     " features=";
  for (size_t i = 0; i < features.size(); ++i) text += (i == 0 ? "" : ",") + features[i];
  return text;
}

std::vector<std::string> known_features() {
  std::vector<std::string> names = features_from_flags(kX86Flags, kX86Flags);
  for (std::string& name : features_from_flags(kArmFlags, kArmFlags)) names.push_back(name);
  std::sort(names.begin(), names.end());
  return names;
}

CpuInfo parse_cpuinfo(std::string_view text) {
  CpuInfo cpu;
  const std::vector<Paragraph> paragraphs = paragraphs_of(text);
  if (paragraphs.empty()) return cpu;
  const Paragraph& first = paragraphs.front();
  if (first.contains("vendor_id") && first.contains("flags")) {
    read_x86(paragraphs, cpu);
  } else if (first.contains("CPU implementer") && first.contains("Features")) {
    read_arm(paragraphs, cpu);
  } else {
    return cpu;
  }
  cpu.logical = static_cast<int>(paragraphs.size());
  cpu.numa_nodes = 1;
  return cpu;
}

std::vector<int> parse_cpu_list(std::string_view text) {
  std::set<int> cpus;
  int listed = 0;
  for (const std::string_view piece : split(trim(text), ',')) {
    const size_t dash = piece.find('-');
    const int first = parse_int(piece.substr(0, dash), -1);
    const int last = dash == std::string_view::npos ? first : parse_int(piece.substr(dash + 1), -1);
    if (first < 0 || last < first || last >= kMaxCpus) return {};
    // Ranges that repeat could ask for much work with little text.
    listed += last - first + 1;
    if (listed > kMaxCpus) return {};
    for (int cpu = first; cpu <= last; ++cpu) cpus.insert(cpu);
  }
  return {cpus.begin(), cpus.end()};
}

uint64_t parse_cache_size(std::string_view text) {
  text = trim(text);
  int shift = 0;
  if (text.ends_with('K')) shift = 10;
  if (text.ends_with('M')) shift = 20;
  if (text.ends_with('G')) shift = 30;
  if (shift > 0) text.remove_suffix(1);
  const std::optional<int64_t> number = parse_number(text);
  if (!number || *number < 0 || *number >= int64_t{1} << 32) return 0;
  return static_cast<uint64_t>(*number) << shift;
}

CpuInfo read_cpu(const fs::path& root) {
  CpuInfo cpu = parse_cpuinfo(read_system_text(root, "proc/cpuinfo").value_or(""));
  if (root == "/") {
    std::vector<std::string> merged;
    const std::vector<std::string> told = cpuid_features(read_cpuid());
    std::set_union(cpu.features.begin(), cpu.features.end(), told.begin(), told.end(),
                   std::back_inserter(merged));
    cpu.features = std::move(merged);
    utsname machine{};
    if (cpu.architecture.empty() && ::uname(&machine) == 0) cpu.architecture = machine.machine;
  }
  std::vector<int> cpus = parse_cpu_list(text_at(root, "sys/devices/system/cpu/online"));
  if (cpus.empty()) {
    for (int number = 0; number < cpu.logical; ++number) cpus.push_back(number);
  }
  if (cpu.logical == 0) cpu.logical = static_cast<int>(cpus.size());
  if (cpu.architecture != "x86-64") read_topology(root, cpus, cpu);
  cpu.caches = read_caches(root, cpus);
  read_hybrid(root, cpu);
  const auto nodes = parse_cpu_list(text_at(root, "sys/devices/system/node/online"));
  cpu.numa_nodes = std::max<int>(1, static_cast<int>(nodes.size()));
  return cpu;
}

}  // namespace accel::hardware
