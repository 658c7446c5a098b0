#include "store/private_folder.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <random>
#include <system_error>

#include "base/files.h"
#include "store/hash.h"

namespace accel::store {

namespace fs = std::filesystem;

Status prepare_folder(const fs::path& folder) {
  std::error_code error;
  if (folder.empty()) return invalid_argument("no folder was given");
  const fs::path parent = folder.has_filename() ? folder.parent_path() : folder;
  if (!parent.empty()) fs::create_directories(parent, error);
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
    return errno_status(errno, "creating", folder.string());
  }
  if (!fs::is_directory(folder, error)) {
    return errno_status(ENOTDIR, "opening", folder.string());
  }
  if (::access(folder.c_str(), R_OK | W_OK | X_OK) != 0) {
    return errno_status(errno, "writing in", folder.string());
  }
  return {};
}

std::string random_digits() {
  std::random_device device;
  Fingerprinter print;
  for (int i = 0; i < 4; ++i) print.add(static_cast<uint64_t>(device()));
  return print.digits().substr(0, 16);
}

}  // namespace accel::store
