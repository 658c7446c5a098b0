// The models that a server serves as OpenVINO Model Server would: of its flags, or its config.json.
#pragma once

#include "accel/config.h"
#include "cli/reload_plan.h"
#include "ovms/flags.h"

namespace accel::cli {

bool has_models(const ovms::Translated& translated);

// Adds the versions that are served of each model, what is to be watched, and notices. Of a
// config.json a model without a version is a notice, for it may come yet; of flags it is an error,
// NOT_FOUND. ALREADY_EXISTS for a name that `setup` has.
Status add_ovms_models(const ovms::Translated& translated, const Config& config,
                       ServedSetup& setup);

}  // namespace accel::cli
