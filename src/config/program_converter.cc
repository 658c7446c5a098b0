#include <fmt/format.h>

#include "accel/converter.h"
#include "base/child_process.h"
#include "base/try.h"
#include "config/command_text.h"

namespace accel {
namespace {

Status run_command(const config::SuffixCommand& command, const std::string& path,
                   const std::string& output) {
  std::vector<std::string> words;
  for (const std::string& word : command.words) {
    words.push_back(config::filled(word, path, output));
  }
  ACCEL_ASSIGN(const ProgramEnd end, run_program(std::move(words)));
  if (end.exit_code == 0 && end.signal == 0) return {};
  const std::string how = end.signal != 0 ? fmt::format("was ended by signal {}", end.signal)
                                          : fmt::format("ended with exit code {}", end.exit_code);
  std::string said = end.output;
  while (!said.empty() && said.back() == '\n') said.pop_back();
  return Status(StatusCode::kUnknown, fmt::format("{} {}{}{}", command.words.front(), how,
                                                  said.empty() ? "" : "; it said: ", said));
}

}  // namespace

Result<ModelConverter> program_converter(const std::string& suffix,
                                         std::vector<std::string> command) {
  const config::SuffixCommand converter{suffix, std::move(command)};
  ACCEL_TRY(config::check_command(converter));
  return ModelConverter{
      .name = suffix,
      .version = config::to_text({converter}),
      .can_read = [suffix](const std::string& path) { return path.ends_with(suffix); },
      .convert = [converter](
                     const std::string& path,
                     const std::string& output) { return run_command(converter, path, output); }};
}

}  // namespace accel
