#include "tensors/shown.h"

#include <fmt/format.h>

#include "base/json.h"

namespace accel::tensors {

std::string shown(std::string_view name) {
  constexpr size_t kMaxBytes = 80;
  const std::string quoted = json_quote(name.substr(0, kMaxBytes));
  std::string text;
  for (size_t i = 0; i < quoted.size(); ++i) {
    const auto byte = static_cast<unsigned char>(quoted[i]);
    const auto next = static_cast<unsigned char>(i + 1 < quoted.size() ? quoted[i + 1] : 0);
    // JSON leaves DEL and the control characters U+0080 to U+009F as they are.
    if (byte == 0x7F) {
      text += "\\u007f";
    } else if (byte == 0xC2 && next < 0xA0) {
      text += fmt::format("\\u{:04x}", next);
      ++i;
    } else {
      text += quoted[i];
    }
  }
  return name.size() > kMaxBytes ? text + "..." : text;
}

}  // namespace accel::tensors
