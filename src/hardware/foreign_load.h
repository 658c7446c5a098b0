// How busy other processes keep the processors that this one may use.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

namespace accel::hardware {

// In the kernel's ticks, since the machine and this process started.
struct CpuTicks {
  uint64_t all = 0;   // of the processors that count
  uint64_t busy = 0;  // of these, those in which anything ran
  uint64_t own = 0;   // those in which this process did
};

// The share of `all` between two readings in which others ran, from 0 to 1. Pure.
double foreign_share(const CpuTicks& before, const CpuTicks& after);

// Of /proc/stat's text and /proc/self/stat's; processors that are not among `counted` are left out
// (none: all count). Nothing for text that is none of these. Pure.
std::optional<CpuTicks> parse_cpu_ticks(std::string_view stat, std::string_view self_stat,
                                        const std::vector<int>& counted);

// Safe from any thread; asking costs nothing but once in a quarter of a second.
class ForeignLoad {
 public:
  explicit ForeignLoad(std::filesystem::path root = "/");
  // Over the last quarter of a second or more; 0 at first, and where it cannot be told.
  double share();

 private:
  const std::filesystem::path root_;
  const std::vector<int> counted_;
  std::mutex mutex_;
  // Guarded by mutex_:
  std::chrono::steady_clock::time_point read_at_;
  std::optional<CpuTicks> last_;
  double share_ = 0;
};

}  // namespace accel::hardware
