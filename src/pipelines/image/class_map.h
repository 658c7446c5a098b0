// Scores of classes on a coarse grid to a class for each pixel: pure.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "image/image.h"

namespace accel::pipelines {

// The best class of each pixel of `size`, by scores [classes, grid.height, grid.width] (at most
// 2^16 classes) that are brought to that size bilinearly, corners not aligned, as the reference's
// post_process_semantic_segmentation does it.
std::vector<uint16_t> class_map(std::span<const float> scores, image::Size grid, image::Size size);

}  // namespace accel::pipelines
