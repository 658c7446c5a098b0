// Bytes as text: base64 with padding (RFC 4648, section 4).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace accel {

std::string base64_of(std::string_view bytes);

// Back; the padding may be left out. Nothing for what is no base64, blanks among it.
std::optional<std::string> bytes_of_base64(std::string_view text);

}  // namespace accel
