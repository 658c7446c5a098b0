#include "cli/output_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/try.h"
#include "cli/console.h"

namespace accel::cli {

Result<std::unique_ptr<OutputFile>> OutputFile::create(const std::string& path) {
  auto output = std::unique_ptr<OutputFile>(new OutputFile());
  if (path != "-") {
    ACCEL_ASSIGN(output->file_, AtomicFile::create(path));
  }
  return output;
}

Status OutputFile::write_buffer() {
  if (buffer_.empty()) return {};
  ACCEL_TRY(file_ != nullptr ? file_->write(buffer_) : print(buffer_));
  buffer_.clear();
  return {};
}

Status OutputFile::commit() {
  ACCEL_TRY(write_buffer());
  return file_ != nullptr ? file_->commit() : Status();
}

bool rewritable(const std::string& path) {
  if (path == "-") {
    struct stat info {};
    if (::fstat(STDOUT_FILENO, &info) != 0 || !S_ISREG(info.st_mode)) return false;
    return (::fcntl(STDOUT_FILENO, F_GETFL) & O_APPEND) == 0;
  }
  return AtomicFile::replaces(path);
}

}  // namespace accel::cli
