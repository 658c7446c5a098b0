// Bytes as text: base64 with padding (RFC 4648, section 4).
#pragma once

#include <string>
#include <string_view>

namespace accel {

std::string base64_of(std::string_view bytes);

}  // namespace accel
