// What an OpenVINO IR's text says of the file of weights beside it. Read without an engine, which
// would take some wrong files for right ones and others for a broken graph.
// https://docs.openvino.ai/2026/documentation/openvino-ir-format.html
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "accel/status.h"

namespace accel::models::foreign {

struct IrHeader {
  std::string name;           // of the graph
  int64_t version = 0;        // of the format: 10 or 11
  uint64_t layers = 0;        // of all graphs
  uint64_t weight_bytes = 0;  // up to the end of the last constant
};

// Whether `text`, of the whole file, is an IR's at first sight: its first element is <net ...>.
bool looks_like_ir(std::string_view text);

// DATA_LOSS for text that is no IR or is cut off, UNIMPLEMENTED for a version that is not read.
Result<IrHeader> parse_ir_header(std::string_view text);

// The .bin file's size against what the graph reads. DATA_LOSS says which of them is short.
Status check_weight_size(const IrHeader& header, uint64_t bytes);

}  // namespace accel::models::foreign
