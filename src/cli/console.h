// What a command says: answers on standard output, notices on standard error.
#pragma once

#include <string_view>

#include "accel/status.h"

namespace accel::cli {

// Writes to standard output, whole and at once. RESOURCE_EXHAUSTED for a full disk, CANCELLED when
// the reader of the pipe has gone.
Status print(std::string_view text);

// Ends standard output: whoever reads it need not wait for what the program still does.
void end_output();

// "accel: TEXT" on standard error, control characters other than line feeds as escapes. Failures
// are ignored, for there is nobody to tell.
void notice(std::string_view text);

// The same without the prefix, for lines that a program reads (`--stats`).
void notice_line(std::string_view line);

bool stdin_is_terminal();
bool stdout_is_terminal();
bool stderr_is_terminal();

}  // namespace accel::cli
