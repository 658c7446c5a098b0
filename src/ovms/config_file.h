// OVMS's config.json: which models are served, and how.
//
//   {"model_config_list": [{"config": {
//      "name": "resnet", "base_path": "/models/resnet", "target_device": "CPU",
//      "model_version_policy": {"latest": {"num_versions": 2}},
//      "plugin_config": {"NUM_STREAMS": "2"}}}],
//    "monitoring": {"metrics": {"enable": true}}}
//
// Pure.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "ovms/model_entry.h"

namespace accel::ovms {

constexpr size_t kConfigBytesMax = 1 << 20;

struct ModelList {
  std::vector<ModelEntry> models;  // each name once
  Notices notices;
};

// `name` is the file's, for messages. A member that OVMS does not know is INVALID_ARGUMENT, as
// there; one that accel has nothing for is a notice, or UNIMPLEMENTED where a model would answer
// otherwise without it. RESOURCE_EXHAUSTED for a text of more than kConfigBytesMax.
Result<ModelList> parse_config(std::string_view text, std::string_view name);

}  // namespace accel::ovms
