// What a server calls its files, before any of it becomes a path. Pure.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace accel::hub {

// Why `name` may not name a file below a folder: "an absolute path", "'..'", "a backslash" and so
// on; empty when it may. Allowed is valid UTF-8 of at most 1,024 bytes, parts of at most 255
// parted by single "/", none of them "." or "..", no control characters.
std::string_view fault_of_file_name(std::string_view name);

// Of exactly `digits` lower-case hexadecimal digits.
bool is_hexadecimal(std::string_view text, size_t digits);

// Whether `pattern` is all of `name`, as Python's fnmatch has it, which the Hub's clients use: "*"
// is any text, slashes too, "?" one character, "[a-c]" and "[!a-c]" one of some; a pattern that
// ends with "/" is the whole folder. Letters' case counts. Takes time of the order of their
// lengths' product.
bool matches_pattern(std::string_view pattern, std::string_view name);

// Any of them.
bool matches_any(std::span<const std::string> patterns, std::string_view name);

}  // namespace accel::hub
