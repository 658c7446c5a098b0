// Programs that convert models, as the option `converters` has them: of each suffix its words.
// Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "accel/status.h"

namespace accel::config {

struct SuffixCommand {
  std::string suffix;              // ".h5"
  std::vector<std::string> words;  // the program first; {input} and {output} stand in them
};

// INVALID_ARGUMENT for a suffix without its dot or with a slash, and for a command without program,
// {input} or {output}.
Status check_command(const SuffixCommand& command);

// A JSON object from suffixes to lists of words, or to a text whose words are parted by spaces.
// Sorted by suffix. INVALID_ARGUMENT says what was expected and found.
Result<std::vector<SuffixCommand>> parse_commands(std::string_view json);

// The one form in which they are kept: JSON with lists.
std::string to_text(const std::vector<SuffixCommand>& commands);

// `word` with what {input} and {output} stand for.
std::string filled(std::string_view word, std::string_view input, std::string_view output);

}  // namespace accel::config
