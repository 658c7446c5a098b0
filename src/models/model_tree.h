// Where models lie: folders, files, trees of folders, and the cache that the Hub's clients keep.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "accel/status.h"

namespace accel::models {

struct FoundModel {
  std::string name;              // "ORG/NAME" of a hub cache, else the path below the tree
  std::filesystem::path folder;  // or its file, where a folder has several
};

// The models of a tree, sorted by name: folders with a config.json of a model or a modules.json;
// else GGUF files and graphs (ONNX, OpenVINO IR, TensorFlow, TensorFlow Lite, Paddle), under the
// name of their folder where they are alone in it. Folders inside a model's are its own. Links to
// folders are followed once each; what cannot be read is passed over. NOT_FOUND when `tree` is no
// folder.
Result<std::vector<FoundModel>> find_models(const std::filesystem::path& tree);

}  // namespace accel::models
