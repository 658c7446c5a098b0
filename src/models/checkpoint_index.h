// The index of a checkpoint in several files: which file holds which tensor.
//
//   {"metadata": {"total_size": 24}, "weight_map": {"a": "model-00001-of-00002.safetensors", ...}}
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "accel/status.h"

namespace accel::models {

using CheckpointIndex = std::map<std::string, std::string, std::less<>>;  // tensor to file

// Pure. DATA_LOSS for what is no JSON, names a tensor twice or has no weight_map of texts;
// INVALID_ARGUMENT for a file that is not below the index's own folder. What stands beside the
// weight_map is ignored: total_size is wrong in many checkpoints.
Result<CheckpointIndex> parse_checkpoint_index(std::string_view text);

}  // namespace accel::models
