// Any text as an OpenVINO IR: recognised, and what it says of its weights.
#include <cstdint>
#include <string_view>

#include "models/foreign/ir_header.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static_cast<void>(accel::models::foreign::looks_like_ir(text));
  const auto header = accel::models::foreign::parse_ir_header(text);
  if (header.ok()) {
    static_cast<void>(accel::models::foreign::check_weight_size(*header, size).ok());
  }
  return 0;
}
