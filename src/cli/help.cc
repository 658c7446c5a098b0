// accel help: the list of commands, or one command's help.
#include <fmt/format.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "base/try.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/manual_page.h"
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

Status write_page(const std::filesystem::path& path, std::string_view text) {
  ACCEL_ASSIGN(const auto file, AtomicFile::create(path));
  ACCEL_TRY(file->write(text));
  return file->commit();
}

Status write_manual(const std::filesystem::path& folder) {
  ACCEL_ASSIGN(const std::vector<CommandDescription> commands, describe_commands());
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return errno_status(error.value(), "making", folder.string());
  ACCEL_TRY(write_page(folder / "accel.1", manual_overview(commands)));
  for (const CommandDescription& one : commands) {
    ACCEL_TRY(write_page(folder / fmt::format("accel-{}.1", one.name), manual_page(one)));
  }
  return {};
}

}  // namespace

Status run_help(const Command& command, const Arguments& arguments) {
  std::string name;
  std::string manual;
  Flags flags(command);
  flags.optional_argument("COMMAND", &name, "the command to explain");
  std::vector<std::string_view> names;
  for (const Command& one : commands()) names.push_back(one.name);
  flags.words(names);
  flags.text("--man", "FOLDER", &manual, "writes the manual pages of all commands there");
  ACCEL_ASSIGN(const bool help_shown, flags.parse(arguments));
  if (help_shown) return {};
  if (!manual.empty()) return write_manual(manual);
  if (name.empty()) return print(list_of_commands());
  ACCEL_ASSIGN(const Command* found, find_command(name));
  return found->run(*found, {"--help"});
}

}  // namespace accel::cli
