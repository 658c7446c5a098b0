// Forms with files in them: multipart/form-data (RFC 7578, which builds on RFC 2046). Pure, and
// safe on hostile bytes; a file in it is not copied.
//
//   ACCEL_ASSIGN(const std::string boundary, form_boundary(content_type));
//   ACCEL_ASSIGN(const std::vector<FormPart> parts, parse_form(body, boundary));
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accel/status.h"

namespace accel::server {

struct FormPart {
  std::string name;
  std::optional<std::string> filename;  // a word of the client's, not a path
  std::string content_type;             // empty: none was given
  std::string_view content;             // within the body, byte by byte
};

constexpr size_t kFormPartsMax = 64;
constexpr size_t kFormHeadBytesMax = 8 << 10;  // the header lines of one part

// What `multipart/form-data; boundary="a b"`, a Content-Type, has as boundary. INVALID_ARGUMENT for
// another type, and without a boundary of 1 to 70 of the characters that RFC 2046 allows.
Result<std::string> form_boundary(std::string_view content_type);

// The parts, in their order; what stands before the first and behind the last is left out. They
// refer to `body`. A name may occur several times. Lines end with CR LF. A line that only begins
// like a boundary belongs to its part. In a quoted name or filename a backslash escapes a quote or
// a backslash, and else is itself; "%22" stays as it is. INVALID_ARGUMENT, with the number of the
// part: no last boundary, too many parts, header lines that are none or too long, a part without a
// name, one in another encoding than its bytes.
Result<std::vector<FormPart>> parse_form(std::string_view body, std::string_view boundary);

}  // namespace accel::server
