// Any bytes as an ONNX file: recognised, walked, the names of its nodes and data files read.
#include <cstdint>
#include <string_view>

#include "models/foreign/onnx_header.h"
#include "models/tiny_bert.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  static_cast<void>(accel::models::foreign::looks_like_onnx(bytes));
  static_cast<void>(accel::models::foreign::onnx_node_names(bytes));
  const auto header = accel::models::foreign::parse_onnx_header(bytes);
  if (header.ok()) {
    // Whatever it names, nothing outside the empty folder may be found.
    static const accel::models::ScratchFolder empty;
    const auto files = accel::models::foreign::check_data_files(*header, empty.path());
    if (files.ok() && !files->empty()) __builtin_trap();
  }
  return 0;
}
