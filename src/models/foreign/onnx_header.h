// What an ONNX file says of itself: versions, and the files beside it that hold its tensors. Read
// without an engine, so that a file that points outside its folder is refused before one opens it.
// https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "accel/status.h"

namespace accel::models::foreign {

// A file with tensors of an ONNX model.
struct OnnxDataFile {
  std::string tensor;  // the first that lies in it
  uint64_t end = 0;    // bytes up to the end of its last tensor, as far as the model says
};

struct OnnxHeader {
  int64_t ir_version = 0;
  std::string producer;                            // "pytorch 2.8.0"; empty: not said
  std::map<std::string, int64_t> opsets;           // by domain; "" is ONNX's own
  std::vector<std::string> inputs;                 // of the main graph, without its weights
  std::set<std::string, std::less<>> operations;   // of all graphs and domains
  uint64_t nodes = 0;                              // of all graphs
  std::map<std::string, OnnxDataFile> data_files;  // by the location that the model gives
};

// Newest opset of ONNX's own domain whose operations the front end takes for what they are: of 28
// it knows nothing, but what 28 changed are the types that operations take, and SpaceToDepth, which
// onnx_node.h looks at.
constexpr int64_t kOnnxOpsetMax = 28;

// Whether `bytes`, of the whole file, are an ONNX model's at first sight.
bool looks_like_onnx(std::string_view bytes);

// DATA_LOSS for what is no ONNX model or is cut off, UNIMPLEMENTED for an opset that is not known
// and for nodes of which the front end would leave something out (onnx_node.h). Looks into each
// message at most twice; graphs inside graphs to a depth of 64.
Result<OnnxHeader> parse_onnx_header(std::string_view bytes);

// The names of the nodes of the model's main graph by their first outputs; those without a name are
// left out. For messages: bytes that are no model give what was found before.
std::map<std::string, std::string> onnx_node_names(std::string_view bytes);

// The files that `header` names, checked: relative names without "..", that lie below `folder` (or
// are links into the blobs of a Hub cache, of which it is a snapshot), and are as long as the model
// needs. INVALID_ARGUMENT, NOT_FOUND or DATA_LOSS names file and tensor.
Result<std::vector<std::filesystem::path>> check_data_files(const OnnxHeader& header,
                                                            const std::filesystem::path& folder);

}  // namespace accel::models::foreign
