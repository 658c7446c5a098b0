// Looking at a model without it counting as a use.
#pragma once

#include <sys/stat.h>

#include <filesystem>
#include <utility>
#include <vector>

namespace accel::hub {

// Remembers when the files below a folder were read last, and says so again at its end. What may
// not be changed stays as it is. One owner, one thread.
class UseTimes {
 public:
  explicit UseTimes(const std::filesystem::path& folder);
  ~UseTimes();
  UseTimes(const UseTimes&) = delete;
  UseTimes& operator=(const UseTimes&) = delete;

 private:
  std::vector<std::pair<std::filesystem::path, timespec>> times_;
};

}  // namespace accel::hub
