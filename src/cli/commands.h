// The commands of the program: one file each, named like the command, and one line in the sorted
// list of commands.cc.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "accel/status.h"
#include "cli/flags.h"

namespace accel::cli {

struct Command {
  std::string_view name;
  std::string_view summary;
  // `arguments` are those behind the command's name. The status becomes the program's last line and
  // exit code.
  Status (*run)(const Command& command, const Arguments& arguments);
  // Set: run() describes the command there and does nothing else.
  CommandDescription* description = nullptr;
};

// Sorted by name.
std::span<const Command> commands();

// What each of them declares, in their order.
Result<std::vector<CommandDescription>> describe_commands();

// The command called `name`. INVALID_ARGUMENT with the nearest name for an unknown one.
Result<const Command*> find_command(std::string_view name);

Status run_advise(const Command& command, const Arguments& arguments);
Status run_alias(const Command& command, const Arguments& arguments);
Status run_bench(const Command& command, const Arguments& arguments);
Status run_cache(const Command& command, const Arguments& arguments);
Status run_compare(const Command& command, const Arguments& arguments);
Status run_completion(const Command& command, const Arguments& arguments);
Status run_config(const Command& command, const Arguments& arguments);
Status run_convert(const Command& command, const Arguments& arguments);
Status run_devices(const Command& command, const Arguments& arguments);
Status run_doctor(const Command& command, const Arguments& arguments);
Status run_embed(const Command& command, const Arguments& arguments);
Status run_explain(const Command& command, const Arguments& arguments);
Status run_families(const Command& command, const Arguments& arguments);
Status run_help(const Command& command, const Arguments& arguments);
Status run_infer(const Command& command, const Arguments& arguments);
Status run_keys(const Command& command, const Arguments& arguments);
Status run_list(const Command& command, const Arguments& arguments);
Status run_models(const Command& command, const Arguments& arguments);
Status run_profile(const Command& command, const Arguments& arguments);
Status run_pull(const Command& command, const Arguments& arguments);
Status run_rm(const Command& command, const Arguments& arguments);
Status run_run(const Command& command, const Arguments& arguments);
Status run_self_test(const Command& command, const Arguments& arguments);
Status run_serve(const Command& command, const Arguments& arguments);
Status run_show(const Command& command, const Arguments& arguments);
Status run_similarity(const Command& command, const Arguments& arguments);
Status run_status(const Command& command, const Arguments& arguments);
Status run_tokenize(const Command& command, const Arguments& arguments);
Status run_top(const Command& command, const Arguments& arguments);
Status run_version(const Command& command, const Arguments& arguments);

}  // namespace accel::cli
