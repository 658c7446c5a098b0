#include "measure/model_ranking.h"

#include <algorithm>
#include <cctype>
#include <tuple>

namespace accel::measure {
namespace {

std::string lower_case_of(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return std::tolower(c); });
  return lower;
}

bool has_word(const RankedModel& candidate, std::string_view word) {
  std::string text =
      candidate.model.name + "\n" + candidate.report.family + "\n" + candidate.report.architecture;
  for (const std::string& task : candidate.report.tasks) text += "\n" + task;
  return lower_case_of(text).find(lower_case_of(word)) != std::string::npos;
}

bool fits_into(const RankedModel& candidate, uint64_t memory_max) {
  return memory_max == 0 || candidate.memory_bytes <= memory_max;
}

}  // namespace

bool suits(const RankedModel& candidate, const ModelSearch& search) {
  const ModelReport& report = candidate.report;
  if (search.bytes_max > 0 && report.bytes_on_disk > search.bytes_max) return false;
  if (search.only_fitting && !fits_into(candidate, search.memory_max)) return false;
  if (!search.task.empty() && std::ranges::find(report.tasks, search.task) == report.tasks.end()) {
    return false;
  }
  return search.word.empty() || has_word(candidate, search.word);
}

std::optional<MeasuredSpeed> fastest_of(std::vector<MeasuredSpeed> speeds,
                                        const std::string& task) {
  std::erase_if(speeds,
                [&](const MeasuredSpeed& one) { return !task.empty() && one.task != task; });
  if (speeds.empty()) return std::nullopt;
  return *std::ranges::max_element(speeds, {}, &MeasuredSpeed::items_per_s);
}

std::vector<RankedModel> ranked(std::vector<RankedModel> candidates, const ModelSearch& search) {
  std::erase_if(candidates, [&](const RankedModel& one) { return !suits(one, search); });
  for (RankedModel& one : candidates) one.fits = fits_into(one, search.memory_max);
  std::ranges::stable_sort(candidates, {}, [](const RankedModel& one) {
    const double rate = one.speed ? one.speed->items_per_s : 0;
    return std::tuple(!one.fits, -rate, one.report.bytes_on_disk, one.model.name);
  });
  return candidates;
}

}  // namespace accel::measure
