#include "base/suggestion.h"

#include <algorithm>
#include <vector>

namespace accel {
namespace {

constexpr size_t kNameBytesMax = 128;

// Optimal string alignment, row by row.
size_t edits(std::string_view a, std::string_view b) {
  std::vector<size_t> before(b.size() + 1);
  std::vector<size_t> above(b.size() + 1);
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) above[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, replaced});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before.swap(above);
    above.swap(row);
  }
  return above[b.size()];
}

}  // namespace

std::optional<std::string_view> nearest(std::string_view name,
                                        std::span<const std::string_view> candidates) {
  if (name.size() > kNameBytesMax) return std::nullopt;
  std::optional<std::string_view> found;
  size_t fewest = 0;
  for (const std::string_view candidate : candidates) {
    const size_t longer = std::max(name.size(), candidate.size());
    if ((longer - std::min(name.size(), candidate.size())) * 3 > longer) continue;
    const size_t count = edits(name, candidate);
    if (count * 3 > longer) continue;
    if (!found || count < fewest) {
      found = candidate;
      fewest = count;
    }
  }
  return found;
}

std::string did_you_mean(std::string_view name, std::span<const std::string_view> candidates) {
  const auto found = nearest(name, candidates);
  return found ? "; did you mean " + std::string(*found) + "?" : "";
}

}  // namespace accel
