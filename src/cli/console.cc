#include "cli/console.h"

#include <fcntl.h>
#include <unistd.h>

#include <string>

#include "base/files.h"
#include "cli/table.h"

namespace accel::cli {

Status print(std::string_view text) { return write_all(STDOUT_FILENO, text, "standard output"); }

void end_output() {
  // The number stays taken, so that no other file gets it.
  const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (nowhere < 0) return;
  ::dup2(nowhere, STDOUT_FILENO);
  ::close(nowhere);
}

void notice(std::string_view text) {
  std::string shown = "accel: ";
  while (true) {
    const size_t end = text.find('\n');
    shown += printable(text.substr(0, end));
    if (end == std::string_view::npos) break;
    shown += '\n';
    text.remove_prefix(end + 1);
  }
  notice_line(shown);
}

void notice_line(std::string_view line) {
  const Status ignored = write_all(STDERR_FILENO, std::string(line) + "\n", "standard error");
}

bool stdin_is_terminal() { return ::isatty(STDIN_FILENO) == 1; }
bool stdout_is_terminal() { return ::isatty(STDOUT_FILENO) == 1; }
bool stderr_is_terminal() { return ::isatty(STDERR_FILENO) == 1; }

}  // namespace accel::cli
