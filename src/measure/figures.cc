#include "measure/figures.h"

#include <algorithm>
#include <utility>

namespace accel::measure {
namespace {

constexpr double kMebibyte = 1 << 20;

std::vector<double> slices(const Recording& recording) {
  std::vector<double> items(kSlices, 0.0);
  const double width = recording.wall_s / kSlices;
  if (width <= 0) return {};
  for (const Query& query : recording.queries) {
    const double span = std::max(query.ended - query.began, 1e-9);
    const int first = std::clamp(static_cast<int>(query.began / width), 0, kSlices - 1);
    for (int i = first; i < kSlices && i * width < query.ended; ++i) {
      const double begin = std::max(query.began, i * width);
      // What rounding leaves behind the last slice belongs to it.
      const double end = i + 1 == kSlices ? query.ended : std::min(query.ended, (i + 1) * width);
      items[static_cast<size_t>(i)] += static_cast<double>(query.items) * (end - begin) / span;
    }
  }
  for (double& one : items) one /= width;
  return items;
}

}  // namespace

std::vector<double> latencies_ms(const Recording& recording) {
  std::vector<double> latencies;
  latencies.reserve(recording.queries.size());
  for (const Query& query : recording.queries) latencies.push_back(query.latency() * 1e3);
  return latencies;
}

double typical_ms(const Recording& recording) {
  const auto turns = static_cast<size_t>(std::max<uint64_t>(recording.turns, 1));
  std::vector<std::vector<double>> repeats(std::min(turns, recording.queries.size()));
  for (size_t i = 0; i < recording.queries.size(); ++i) {
    repeats[i % turns].push_back(recording.queries[i].latency() * 1e3);
  }
  double sum = 0;
  for (const std::vector<double>& one : repeats) sum += median(one);
  return repeats.empty() ? 0 : sum / static_cast<double>(repeats.size());
}

Figures figures_of(const Recording& recording) {
  Figures figures{.latency_ms = summarize(latencies_ms(recording)),
                  .slices_items_per_s = summarize(slices(recording))};
  for (const Query& query : recording.queries) {
    const double ms = 1e3 / static_cast<double>(recording.queries.size());
    figures.split_ms.queue += query.phases.queue * ms;
    figures.split_ms.prepare += query.phases.prepare * ms;
    figures.split_ms.infer += query.phases.infer * ms;
    figures.split_ms.finish += query.phases.finish * ms;
  }
  if (recording.wall_s > 0) {
    figures.items_per_s = static_cast<double>(recording.items) / recording.wall_s;
    figures.tokens_per_s = static_cast<double>(recording.tokens) / recording.wall_s;
  }
  const uint64_t computed = recording.tokens + recording.padded_tokens;
  if (computed > 0) {
    figures.padding = static_cast<double>(recording.padded_tokens) / static_cast<double>(computed);
  }
  std::vector<double> memory;
  for (const MemoryReading& reading : recording.memory) {
    memory.push_back(static_cast<double>(reading.bytes) / kMebibyte);
  }
  if (!memory.empty()) figures.steady_mb = memory.back();
  figures.memory_mb = summarize(std::move(memory));
  return figures;
}

}  // namespace accel::measure
