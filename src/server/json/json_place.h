// Where a JSON value stands in its text, as error messages tell it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace accel::server {

// In its array or object, in theirs, and so on up to the root. Each is owned by who reads the array
// or object, and lives as long as that.
struct JsonPlace {
  const JsonPlace* parent = nullptr;  // none: the root
  std::string_view name;
  int64_t index = -1;  // in an array; in an object, less than 0
};

// "input[3].x"; nothing of the root. Names that are long or not words are quoted and clipped.
std::string path_of(const JsonPlace& place);

// The first place at which a string is broken: a control character in it, or the quote that opens
// one without an end. A backslash hides what follows it, outside of strings too. The size of the
// text if there is none.
size_t find_broken_string(std::string_view text);

}  // namespace accel::server
