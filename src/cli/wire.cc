#include "cli/wire.h"

#include <system_error>

#include "base/files.h"

namespace accel::cli {

Result<std::unique_ptr<Engine>> make_engine() { return Engine::create({}); }

Result<std::filesystem::path> share_folder() {
  std::error_code error;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return errno_status(error.value(), "finding", "the program's own folder");
  return program.parent_path().parent_path() / "share" / "accel";
}

}  // namespace accel::cli
