// Where models lie: folders, files, trees of folders, and the cache that the Hub's clients keep.
//
// The cache's layout is huggingface_hub's: "models--ORG--NAME/snapshots/REVISION/" holds a model's
// files (links into "blobs"), and "refs/main" the revision that is current.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "accel/status.h"

namespace accel::models {

// $HF_HUB_CACHE, else $HF_HOME/hub, else $XDG_CACHE_HOME/huggingface/hub, else
// ~/.cache/huggingface/hub; empty when none of these says anything.
std::filesystem::path hub_cache();

// The model folder that `name` means: the folder itself; of a repository of a hub cache, the
// snapshot that refs/main names, else the only one; or, when nothing of that name exists,
// "ORG/NAME" (or "NAME") of the cache `cache`. NOT_FOUND says where it looked.
Result<std::filesystem::path> locate_model(const std::string& name,
                                           const std::filesystem::path& cache = hub_cache());

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
