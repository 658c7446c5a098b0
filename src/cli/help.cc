// accel help: the list of commands, or one command's help.
#include <string>

#include "base/try.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/table.h"

namespace accel::cli {
namespace {

std::string list_of_commands() {
  Table table;
  for (const Command& command : commands()) {
    table.add({std::string(command.name), std::string(command.summary)});
  }
  return "accel COMMAND ...: text and tensors through neural networks, natively\n\n" +
         table.text(2) +
         "\naccel COMMAND --help tells more. Exit codes: docs/reference/exit_codes.md.\n";
}

}  // namespace

Status run_help(const Command& command, const Arguments& arguments) {
  std::string name;
  Flags flags(command.name, command.summary);
  flags.optional_argument("COMMAND", &name, "the command to explain");
  ACCEL_ASSIGN(const bool help_shown, flags.parse(arguments));
  if (help_shown) return {};
  if (name.empty()) return print(list_of_commands());
  ACCEL_ASSIGN(const Command* found, find_command(name));
  return found->run(*found, {"--help"});
}

}  // namespace accel::cli
