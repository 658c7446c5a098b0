// The settings of one side of a comparison, in one argument: "backend=reference,precision=f32".
#pragma once

#include <string_view>

#include "accel/status.h"
#include "cli/work.h"

namespace accel::cli {

// Changes those of `flags` that `text` names; the flags of ModelFlags without their dashes, model,
// and batch-tokens. INVALID_ARGUMENT lists the names. Values are checked where they are used, but
// for those of choices.
Status apply_settings(std::string_view text, WorkFlags& flags);

}  // namespace accel::cli
