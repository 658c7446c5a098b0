// UTF-8 checks for text from outside.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace accel {

// Byte offset of the first invalid sequence, or npos. Rejects overlong forms, surrogates and values
// past U+10FFFF (RFC 3629).
size_t find_invalid_utf8(std::string_view text);

// Of valid UTF-8.
size_t count_code_points(std::string_view text);

struct Utf8Repair {
  std::string text;
  size_t replaced = 0;  // sequences replaced
};
// Replaces each maximal invalid subpart by U+FFFD (Unicode 15, section 3.9, as Python and browsers
// do).
Utf8Repair repair_utf8(std::string_view text);

}  // namespace accel
