// Where models lie: folders, trees of folders, the cache that the Hub's clients keep (hub_cache.h),
// and the names that a user gave (aliases.h).
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "accel/status.h"
#include "hub/settings.h"

namespace accel::hub {

// The model folder (or file) that `name` means, the first of:
// * the path itself; of a model's folder in a hub cache the snapshot in use;
// * what the alias `name` stands for;
// * "org/name" or "org/name@revision" in the cache, of which revision see find_snapshot().
// NOT_FOUND says where it looked and which `accel pull` line gets the model.
Result<std::filesystem::path> locate_model(const std::string& name,
                                           const Places& where = user_places());

struct FoundModel {
  std::string name;  // "ORG/NAME" of a hub cache, else the path below the tree
  std::filesystem::path folder;
};

// The model folders of a tree, sorted by name: those with a config.json of a model, or a
// modules.json. Folders inside a model's are its own. Links to folders are followed once each;
// what cannot be read is passed over. NOT_FOUND when `tree` is no folder.
Result<std::vector<FoundModel>> find_models(const std::filesystem::path& tree);

}  // namespace accel::hub
