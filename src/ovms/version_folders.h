// A model's folder as OVMS has it: base_path/1, base_path/2 ..., each with a model in it.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "ovms/model_entry.h"

namespace accel::ovms {

struct FoundVersion {
  int version = 1;
  std::filesystem::path path;  // a folder with a model, or its file

  bool operator==(const FoundVersion&) const = default;
};

struct FoundVersions {
  std::vector<FoundVersion> versions;  // ascending; at least one
  Notices notices;                     // folders that were passed over
};

// Those of `entry` that its policy chooses. A base_path that is a model's file, or a folder with a
// model and without folders called by numbers, is version 1. A folder without a model, or with half
// of one (an .xml whose .bin is not there), is passed over: it may be on its way. NOT_FOUND where
// none remains; RESOURCE_EXHAUSTED for more than 1,024.
Result<FoundVersions> find_versions(const ModelEntry& entry);

}  // namespace accel::ovms
