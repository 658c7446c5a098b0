// Attention within windows of an image, shifted from layer to layer (Swin; Liu et al.,
// arXiv:2103.14030). B: batch, C: channels, an image's tokens [B, H * W, C] row after row, n: its
// windows, W: their width and height. All indices are computed in the graph, for any H and W.
#pragma once

#include <cstdint>
#include <optional>

#include "models/weights.h"

namespace accel::models {

// How an image is cut into windows, for all layers of a stage.
struct Windows {
  int64_t size = 0;                 // W
  Output partition;                 // [n, W * W]: each window's tokens; behind the last: padding
  Output merge;                     // [H * W]: where each token lies among the windows'
  std::optional<Output> mask = {};  // [n, 1, W * W, W * W]: -100 between parts that only
                                    // the shift made neighbours
};

// Windows of an image whose {H, W} is `extent`, padded below and to the right to whole windows.
// Shifted: its rows and columns first move by W / 2 towards the start, around the edge, unless the
// image is no larger than a window.
Windows cut_windows(const Output& extent, int64_t size, bool shifted);

// Tokens [B, H * W, C] to windows [B * n, W * W, C]; padding is zeros.
Output to_windows(const Windows& windows, const Output& tokens);

// And back: [B * n, W * W, C] -> [B, H * W, C], of as many images as `like` [B, ..] has.
Output from_windows(const Windows& windows, const Output& x, const Output& like);

// The windows' mask once per image of `like`: [B * n, 1, W * W, W * W].
Output mask_per_image(const Output& mask, const Output& like);

// A learned bias for each distance within a window: rows of `table` [(2 W - 1)^2, heads] as
// [heads, W * W, W * W].
Output distance_bias(const Output& table, int64_t size);

// Two by two tokens beside one another: [B, H * W, C] -> [B, H' * W', 4 C], where H' and W' are
// half of H and W, rounded up; what is missing is zeros. Column after column.
Output merge_patches(const Output& tokens, const Output& extent);

// {H', W'} of the above.
Output half_extent(const Output& extent);

}  // namespace accel::models
