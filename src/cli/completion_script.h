// Scripts by which shells complete the program's commands, of what these declare. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/flags.h"

namespace accel::cli {

// What stands at some place of a command line.
enum class CompletedKind : uint8_t { kAny, kWords, kFiles, kModels };
struct Completed {
  CompletedKind kind = CompletedKind::kAny;
  std::vector<std::string> words = {};  // of kWords

  bool operator==(const Completed&) const = default;
};

// Of a flag's value, as "FILE", "auto|f32" and "NAME" tell it; of one without a value kAny.
Completed completed_of(const DescribedFlag& flag);
// Models are also files.
Completed completed_of(const DescribedArgument& argument);

// They ask `accel completion models` for the models' names.
std::string bash_completion(std::span<const CommandDescription> commands);
std::string zsh_completion(std::span<const CommandDescription> commands);
std::string fish_completion(std::span<const CommandDescription> commands);

}  // namespace accel::cli
