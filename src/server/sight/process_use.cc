#include "server/sight/process_use.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vector>

#include "hardware/limits.h"
#include "hardware/system_text.h"

namespace accel::server {
namespace {

constexpr size_t kStartTimeField = 19;  // of those behind the name in parentheses, from 0

double timeval_seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

uint64_t count_open_fds(const std::filesystem::path& root) {
  const std::filesystem::path folder = root / "proc/self/fd";
  struct stat found {};
  // Linux 6.2 and later count them themselves; the loop opens one of its own.
  if (::stat(folder.c_str(), &found) == 0 && found.st_size > 0) {
    return static_cast<uint64_t>(found.st_size);
  }
  std::error_code error;
  uint64_t count = 0;
  std::filesystem::directory_iterator entry(folder, error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) ++count;
  return count > 0 ? count - 1 : 0;
}

}  // namespace

std::optional<double> parse_start_seconds(std::string_view own_stat, std::string_view system_stat,
                                          int64_t ticks_per_second) {
  const size_t name_end = own_stat.rfind(')');  // a name may have spaces and parentheses
  if (name_end == std::string_view::npos || ticks_per_second <= 0) return std::nullopt;
  const auto fields = hardware::split_words(own_stat.substr(name_end + 1));
  if (fields.size() <= kStartTimeField) return std::nullopt;
  const auto ticks = hardware::parse_number(fields[kStartTimeField]);
  std::optional<int64_t> boot;
  for (const std::string_view line : hardware::split(system_stat, '\n')) {
    if (line.starts_with("btime ")) boot = hardware::parse_number(line.substr(6));
  }
  if (!ticks || !boot) return std::nullopt;
  return static_cast<double>(*boot) +
         static_cast<double>(*ticks) / static_cast<double>(ticks_per_second);
}

ProcessUse read_process_use(const std::filesystem::path& root) {
  ProcessUse use;
  use.resident_bytes = hardware::read_memory_use(root).resident_bytes;
  rusage self{};
  if (::getrusage(RUSAGE_SELF, &self) == 0) {
    use.cpu_seconds = timeval_seconds(self.ru_utime) + timeval_seconds(self.ru_stime);
  }
  use.open_fds = count_open_fds(root);
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) use.max_fds = limit.rlim_cur;
  use.start_seconds =
      parse_start_seconds(hardware::read_system_text(root, "proc/self/stat").value_or(""),
                          hardware::read_system_text(root, "proc/stat").value_or(""),
                          ::sysconf(_SC_CLK_TCK))
          .value_or(0);
  return use;
}

}  // namespace accel::server
