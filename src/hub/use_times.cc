#include "hub/use_times.h"

#include <fcntl.h>

#include <array>

#include "hub/cache_walk.h"

namespace accel::hub {

UseTimes::UseTimes(const std::filesystem::path& folder) {
  for (const std::filesystem::path& file : files_below(folder)) {
    struct stat info {};
    if (::stat(file.c_str(), &info) == 0) times_.emplace_back(file, info.st_atim);
  }
}

UseTimes::~UseTimes() {
  for (const auto& [file, read_at] : times_) {
    const std::array<timespec, 2> times{read_at, {.tv_sec = 0, .tv_nsec = UTIME_OMIT}};
    [[maybe_unused]] const int ignored = ::utimensat(AT_FDCWD, file.c_str(), times.data(), 0);
  }
}

}  // namespace accel::hub
