// One line of JSON as text input: an object one of whose fields is the text, or a string.
//
// The other fields are carried through as they are written, so that 1e3, 12345678901234567890 and
// the order of keys come out as they went in. That is why this is a scanner that keeps places, and
// not a parser that makes values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "accel/status.h"

namespace accel::cli {

struct JsonRecord {
  std::string text;       // the field's value, unescaped; valid UTF-8
  std::string carried;    // the other members, `"id": 7,"tag":"x"`, in their order; may be empty
  uint64_t replaced = 0;  // lone surrogate escapes in the text, replaced by U+FFFD
};

// The levels of objects and arrays that a line may have.
inline constexpr int kJsonDepthMax = 64;

// Takes the string `field` out of the object in `line`, which is valid UTF-8 (see base/utf8.h).
// INVALID_ARGUMENT, with the byte offset where there is one: no JSON object; no such field, or
// twice, or not a string; another member whose name is in `reserved`, which the output needs for
// itself.
Result<JsonRecord> read_json_record(std::string_view line, std::string_view field,
                                    std::span<const std::string_view> reserved);

// The string whose JSON literal `line` is; `carried` stays empty. The same errors.
Result<JsonRecord> read_json_string(std::string_view line);

}  // namespace accel::cli
