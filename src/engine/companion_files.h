// The files that belong to a model besides its graph: config, tokenizer, preprocessing, pooling.
#pragma once

#include <filesystem>

#include "accel/status.h"
#include "engine/output_folder.h"
#include "models/model_folder.h"

namespace accel::engine {

// Puts them below `place` of `output`, as sentence-transformers and optimum-intel lay them out:
// copied, but tokenizer.json made of older files where there is none, and of a GGUF file all made
// from what it says. Returns where below `place` the graph belongs: in the folder of the first
// module of modules.json.
//
// What a model has not is left out: a graph without a config.json gets none.
Result<std::filesystem::path> write_companions(const models::ModelFolder& model,
                                               const std::filesystem::path& place,
                                               OutputFolder& output);

}  // namespace accel::engine
