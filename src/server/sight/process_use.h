// What this process takes of its machine.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>

namespace accel::server {

struct ProcessUse {
  uint64_t resident_bytes = 0;
  double cpu_seconds = 0;  // of all threads, user and system; without worker processes
  uint64_t open_fds = 0;
  uint64_t max_fds = 0;
  double start_seconds = 0;  // since 1970; 0: not known
};

// What cannot be read is 0. Safe from any thread. `root` is "/" except in tests.
ProcessUse read_process_use(const std::filesystem::path& root = "/");

// When a process started, in seconds since 1970, of the texts of its own stat file and of the
// system's (proc(5)); nothing for other texts.
std::optional<double> parse_start_seconds(std::string_view own_stat, std::string_view system_stat,
                                          int64_t ticks_per_second);

}  // namespace accel::server
