// What accel asks of a worker process beside runs, and its answers: JSON. Pure; neither side trusts
// the other's bytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "backend/backend.h"

namespace accel::backend {

enum class Wanted : uint8_t {
  kCheck,    // Backend::check()
  kCompile,  // the graph of the file sent along (graph_file.h)
  kImport,   // the compiled model of the file sent along (Backend::import_compiled)
  kSession,  // a session that is served on the channel sent along
  kLayers,   // CompiledModel::layers()
  kExport,   // CompiledModel::export_to() the file sent along
};

struct WorkerRequest {
  Wanted wanted = Wanted::kCheck;
  // Of the first three:
  std::string build;    // of accel: a worker of another one refuses
  std::string backend;  // "openvino"
  CompileOptions options;
};

struct WorkerReply {
  Status status;                                       // OK, or the backend's error
  Executed executed = {.precision = Precision::kF32};  // of kCompile and kImport
  Signature signature;                                 // likewise
  LayersReport layers;                                 // of kLayers
};

std::string encode(const WorkerRequest& request);
std::string encode(const WorkerReply& reply);

// DATA_LOSS for bytes that encode() does not write.
Result<WorkerRequest> decode_request(std::string_view bytes);
Result<WorkerReply> decode_reply(std::string_view bytes);

}  // namespace accel::backend
