// A model as OpenVINO Model Server (OVMS) is told of it, in what accel has.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "accel/config.h"
#include "base/json.h"
#include "ovms/version_policy.h"

namespace accel::ovms {

struct ModelEntry {
  std::string name;
  std::string base_path;  // a folder of versions, a model's folder, or its file
  VersionPolicy policy = {};
  // What accel is to be told of it: its device, streams ... The source is the place in the file, or
  // the flag.
  std::vector<ConfigSetting> settings = {};
};

// Sentences for whoever starts the server: what has no effect here, and what accel does instead.
using Notices = std::vector<std::string>;

// Of the object below "config" of model_config_list, whose members the flags of a single model
// have, too. `place` stands before a member's name: "config.json: model 'm': ", or "--".
// INVALID_ARGUMENT for what is none, UNIMPLEMENTED for what would change a model's answers and is
// not done here. Pure.
Result<ModelEntry> read_entry(const Json& config, std::string_view place, Notices& notices);

}  // namespace accel::ovms
