// Inside the safetensors reader: the JSON header as a list of tensors, before their layout is
// checked. For users see safetensors.h.
#pragma once

#include <string_view>

#include "accel/status.h"
#include "tensors/safetensors.h"

namespace accel::tensors {

inline constexpr std::string_view kMetadataKey = "__metadata__";

// Reads the header's JSON `text`, which starts at byte 8 of the file. The entries come in the order
// of the text, each with its type, shape and offsets as written there (relative to the data); their
// size fits their shape. Whether they fit each other and the file is left to
// parse_safetensors_header. Time and memory are linear in the text, whatever it says.
Result<SafetensorsHeader> read_header_text(std::string_view text);

}  // namespace accel::tensors
