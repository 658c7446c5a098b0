#include "pipelines/image/class_map.h"

#include <algorithm>
#include <limits>

namespace accel::pipelines {
namespace {

// Between which two places of the grid a pixel lies, and how near the second.
struct Between {
  size_t first = 0;
  size_t second = 0;
  float share = 0;
};

std::vector<Between> places(int grid, int size) {
  std::vector<Between> made;
  const float scale = static_cast<float>(grid) / static_cast<float>(size);
  for (int i = 0; i < size; ++i) {
    const float at = std::max(0.0F, (static_cast<float>(i) + 0.5F) * scale - 0.5F);
    const int first = std::min(static_cast<int>(at), grid - 1);
    made.push_back({static_cast<size_t>(first), static_cast<size_t>(std::min(first + 1, grid - 1)),
                    at - static_cast<float>(first)});
  }
  return made;
}

}  // namespace

std::vector<uint16_t> class_map(std::span<const float> scores, image::Size grid, image::Size size) {
  const auto grid_width = static_cast<size_t>(grid.width);
  const auto width = static_cast<size_t>(size.width);
  const size_t classes = scores.size() / grid.pixels();
  const std::vector<Between> columns = places(grid.width, size.width);
  std::vector<uint16_t> map(size.pixels());
  std::vector<float> mixed(grid_width);
  std::vector<float> best(width);
  auto out = map.begin();
  for (const Between& row : places(grid.height, size.height)) {
    std::ranges::fill(best, -std::numeric_limits<float>::infinity());
    for (size_t id = 0; id < classes; ++id) {
      const float* upper = &scores[id * grid.pixels() + row.first * grid_width];
      const float* lower = &scores[id * grid.pixels() + row.second * grid_width];
      for (size_t x = 0; x < grid_width; ++x) {
        mixed[x] = upper[x] * (1 - row.share) + lower[x] * row.share;
      }
      for (size_t x = 0; x < width; ++x) {
        const Between& column = columns[x];
        const float score =
            mixed[column.first] * (1 - column.share) + mixed[column.second] * column.share;
        if (score > best[x]) {
          best[x] = score;
          out[static_cast<std::ptrdiff_t>(x)] = static_cast<uint16_t>(id);
        }
      }
    }
    out += size.width;
  }
  return map;
}

}  // namespace accel::pipelines
