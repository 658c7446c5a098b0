// The size that a processor scales an image to: pure arithmetic, with the reference's order of
// operations and its rounding.
#pragma once

#include "accel/status.h"
#include "image/processor_config.h"

namespace accel::image {

// INVALID_ARGUMENT where the rule leaves nothing of the image (1x500 pixels to be 16-fold inside
// 800, say) or makes a side longer than 2^30.
Result<Size> target_size(const ProcessorConfig& config, Size image);

}  // namespace accel::image
