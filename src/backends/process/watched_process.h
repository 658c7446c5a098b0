// For tests: what the system tells of another process, and what is done to it.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <thread>

namespace accel::backend {

inline bool gone(int pid) { return ::kill(pid, 0) != 0; }

inline bool eventually(const std::function<bool()>& holds) {
  for (int i = 0; i < 1000; ++i) {
    if (holds()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

// The value of a line of /proc/PID/status.
inline std::string status_line(int pid, const std::string& name) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(name + ":")) continue;
    return line.substr(line.find_first_not_of(" \t", name.size() + 1));
  }
  return "";
}

// What a hanging engine does: nothing.
inline void stop(int pid) {
  ::kill(pid, SIGSTOP);
  EXPECT_TRUE(eventually([&] { return status_line(pid, "State").starts_with("T"); }));
}

// Open files of a process, or of "self".
inline size_t open_files(const std::string& process) {
  size_t count = 0;
  std::error_code error;
  for (std::filesystem::directory_iterator at("/proc/" + process + "/fd", error), end; at != end;
       ++at) {
    ++count;
  }
  return count;
}

}  // namespace accel::backend
