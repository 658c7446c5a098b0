// Images as tokens: patches (Dosovitskiy et al., arXiv:2010.11929), and learned positions that
// follow the image's size. B: batch, H: hidden size, P: patches.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "models/config_reader.h"
#include "models/weights.h"

namespace accel::models {

// The image that a checkpoint was trained on, cut into patches.
struct Patches {
  int64_t channels = 3;
  int64_t image_height = 224;
  int64_t image_width = 224;
  int64_t patch_height = 16;
  int64_t patch_width = 16;

  int64_t rows() const { return image_height / patch_height; }
  int64_t columns() const { return image_width / patch_width; }
  int64_t count() const { return rows() * columns(); }
  // Of pixel_values: that of the images trained on, or any.
  Shape input_shape() const { return {-1, channels, image_height, image_width}; }
  Shape free_input_shape() const { return {-1, channels, -1, -1}; }
};

// "num_channels", "image_size" and "patch_size", each size one number or [height, width].
Patches read_patches(ConfigReader& in, const Patches& defaults = {});

// Images [B, channels, height, width] by "NAME.weight" [H, channels, patch height, patch width] and
// "NAME.bias" [H] (absent when !bias) as a grid [B, H, rows, columns]. Pixels past the last whole
// patch are left out.
Output patch_grid(Weights& weights, const std::string& name, const Output& images,
                  const Patches& patches, int64_t hidden, bool bias = true);

// [B, H, rows, columns] -> [B, rows * columns, H].
Output grid_tokens(const Output& grid);

// The rows and columns of a grid: i64 [2].
Output grid_size(const Output& grid);

// Learned tokens [1, n, H] once for each of the batch of `like` [B, ..]: [B, n, H].
Output repeated_tokens(const Output& tokens, const Output& like);

// Learned tokens [1, n, H] before and after the patches [B, P, H] of every image.
Output with_tokens(const std::vector<Output>& before, const Output& patches,
                   const std::vector<Output>& after = {});

// How images of another size than trained on take their values from a grid: as torch's interpolate
// with align_corners off. With anti-aliasing, shrinking averages over all that it leaves out.
enum class Resize { kBilinear, kBicubic, kBicubicAntialias };

// [B, C, rows, columns] to `size`, i64 [2].
Output resized(const Output& grid, const Output& size, Resize how);

// What a table of positions has rows for, in order.
struct PositionTable {
  int64_t before = 1;  // tokens
  int64_t rows = 0;    // of patches
  int64_t columns = 0;
  int64_t after = 0;  // tokens

  int64_t count() const { return before + rows * columns + after; }
};

// The parts of a table: [1, n, H] each, empty where they have no rows.
struct SplitPositions {
  Output before;
  Output patches;
  Output after;
};

// `table` [1, positions.count(), H] with its patches resized to `size`, i64 [2].
SplitPositions resized_positions(const Output& table, const PositionTable& positions,
                                 const Output& size, Resize how);

}  // namespace accel::models
