// The program: the first argument names the command, and a failure is one line and an exit code.
#include <exception>
#include <string>

#include "cli/commands.h"
#include "cli/console.h"
#include "cli/interrupt.h"

namespace {

accel::Status run(const accel::cli::Arguments& arguments) {
  std::string name = arguments.empty() ? "help" : arguments.front();
  if (name == "--help" || name == "-h") name = "help";
  if (name == "--version") name = "version";
  const auto command = accel::cli::find_command(name);
  if (!command.ok()) return command.status();
  const size_t skipped = arguments.empty() ? 0 : 1;
  return (*command)->run(**command, {arguments.begin() + skipped, arguments.end()});
}

}  // namespace

int main(int argc, char** argv) {
  accel::cli::let_writes_fail();
  accel::Status status;
  try {
    status = run({argv + 1, argv + argc});
  } catch (const std::bad_alloc&) {
    status = accel::resource_exhausted("out of memory");
  } catch (const std::exception& error) {
    status = accel::internal_error(error.what());
  }
  if (!status.ok()) accel::cli::notice(status.message());
  return accel::exit_code(status.code());
}
