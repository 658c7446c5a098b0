#include "hardware/foreign_load.h"

#include <sched.h>

#include <algorithm>
#include <string>
#include <utility>

#include "hardware/system_text.h"

namespace accel::hardware {
namespace {

constexpr std::chrono::milliseconds kInterval(250);
constexpr size_t kIdleField = 4;   // of a line of /proc/stat, the name counted
constexpr size_t kGuestField = 9;  // from here on, what is counted before already
// Of /proc/self/stat behind the name in brackets: utime and stime.
constexpr size_t kUserField = 11;
constexpr size_t kSystemField = 12;

std::vector<int> allowed_cpus() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) != 0) return {};
  std::vector<int> cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
  }
  return cpus;
}

uint64_t ticks_of(std::string_view word) {
  return static_cast<uint64_t>(std::max<int64_t>(parse_number(word).value_or(0), 0));
}

}  // namespace

double foreign_share(const CpuTicks& before, const CpuTicks& after) {
  if (after.all <= before.all || after.busy < before.busy || after.own < before.own) return 0;
  const auto all = static_cast<double>(after.all - before.all);
  const auto busy = static_cast<double>(after.busy - before.busy);
  const auto own = static_cast<double>(after.own - before.own);
  return std::clamp((busy - own) / all, 0.0, 1.0);
}

std::optional<CpuTicks> parse_cpu_ticks(std::string_view stat, std::string_view self_stat,
                                        const std::vector<int>& counted) {
  CpuTicks ticks;
  bool found = false;
  for (const std::string_view line : split(stat, '\n')) {
    const std::vector<std::string_view> words = split_words(line);
    // "cpu0 user nice system idle iowait irq softirq steal guest guest_nice"
    if (words.size() <= kIdleField || !words[0].starts_with("cpu") || words[0] == "cpu") continue;
    const int cpu = parse_int(words[0].substr(3), -1);
    if (cpu < 0) return std::nullopt;
    if (!counted.empty() && std::ranges::find(counted, cpu) == counted.end()) continue;
    found = true;
    for (size_t i = 1; i < std::min(words.size(), kGuestField); ++i) {
      ticks.all += ticks_of(words[i]);
      const bool waits = i == kIdleField || i == kIdleField + 1;
      if (!waits) ticks.busy += ticks_of(words[i]);
    }
  }
  // The name may hold anything, brackets included.
  const size_t name_end = self_stat.rfind(')');
  if (!found || name_end == std::string_view::npos) return std::nullopt;
  const std::vector<std::string_view> own = split_words(self_stat.substr(name_end + 1));
  if (own.size() <= kSystemField) return std::nullopt;
  ticks.own = ticks_of(own[kUserField]) + ticks_of(own[kSystemField]);
  return ticks;
}

ForeignLoad::ForeignLoad(std::filesystem::path root)
    : root_(std::move(root)), counted_(allowed_cpus()) {}

double ForeignLoad::share() {
  const std::lock_guard lock(mutex_);
  const auto now = std::chrono::steady_clock::now();
  if (last_ && now - read_at_ < kInterval) return share_;
  const auto stat = read_system_text(root_, "proc/stat");
  const auto self = read_system_text(root_, "proc/self/stat");
  const auto ticks = stat && self ? parse_cpu_ticks(*stat, *self, counted_) : std::nullopt;
  share_ = last_ && ticks ? foreign_share(*last_, *ticks) : 0;
  last_ = ticks;
  read_at_ = now;
  return share_;
}

}  // namespace accel::hardware
