#include "cli/console.h"

#include <unistd.h>

#include <string>

#include "base/files.h"

namespace accel::cli {

Status print(std::string_view text) { return write_all(STDOUT_FILENO, text, "standard output"); }

void notice(std::string_view text) { notice_line("accel: " + std::string(text)); }

void notice_line(std::string_view line) {
  const Status ignored = write_all(STDERR_FILENO, std::string(line) + "\n", "standard error");
}

bool stdin_is_terminal() { return ::isatty(STDIN_FILENO) == 1; }
bool stdout_is_terminal() { return ::isatty(STDOUT_FILENO) == 1; }
bool stderr_is_terminal() { return ::isatty(STDERR_FILENO) == 1; }

}  // namespace accel::cli
