// Conversion: a source that models/ opens becomes a folder with OpenVINO IR (Engine::convert).
//
//   graph of the source -> plan of its weights -> each weight read, rounded and written in slices
//   -> graph with placed constants -> text -> companions -> check -> rename
//
// What bounds memory: the source's weights are views of mapped files whose pages are released
// behind the reader, and the .bin is written weight by weight; see docs/performance.md.
#pragma once

#include <memory>
#include <optional>

#include "accel/engine.h"
#include "backend/backend.h"
#include "models/model_folder.h"
#include "store/content_hash.h"

namespace accel::engine {

struct ConvertParts {
  std::shared_ptr<const models::ModelFolder> folder;
  std::shared_ptr<const backend::Backend> backend;  // for the check
  const store::ContentHashes* hashes = nullptr;
  std::optional<models::Head> head;  // none: what the folder says
};

Result<ConvertReport> convert_model(const ConvertParts& parts, const ConvertOptions& options);

// Where a conversion goes when nobody says: "NAME-openvino-int8", "models/openvino/NAME".
std::string default_output(const ConvertOptions& options);

}  // namespace accel::engine
