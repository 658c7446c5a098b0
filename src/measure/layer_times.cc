#include "measure/layer_times.h"

#include <algorithm>
#include <utility>

namespace accel::measure {
namespace {

void subtract(const std::vector<LayerReport>& before, std::vector<LayerReport>& after) {
  for (size_t i = 0; i < std::min(before.size(), after.size()); ++i) {
    after[i].seconds = std::max(0.0, after[i].seconds - before[i].seconds);
    subtract(before[i].steps, after[i].steps);
  }
}

double sum_of(const std::vector<LayerReport>& layers) {
  double sum = 0;
  for (const LayerReport& layer : layers) sum += layer.seconds;
  return sum;
}

void add(std::vector<KindTime>& kinds, const LayerReport& layer, double seconds) {
  const auto it = std::ranges::find_if(kinds, [&](const KindTime& kind) {
    return kind.type == layer.type && kind.kernel == layer.kernel;
  });
  KindTime& kind = it != kinds.end() ? *it : kinds.emplace_back(KindTime{layer.type, layer.kernel});
  ++kind.layers;
  kind.seconds += seconds;
}

}  // namespace

LayersReport layers_between(const LayersReport& before, LayersReport after) {
  after.runs -= std::min(before.runs, after.runs);
  after.seconds = std::max(0.0, after.seconds - before.seconds);
  subtract(before.layers, after.layers);
  return after;
}

double seconds_between_layers(const LayersReport& report) {
  return std::max(0.0, report.seconds - sum_of(report.layers));
}

std::vector<KindTime> times_by_kind(const LayersReport& report) {
  std::vector<KindTime> kinds;
  for (const LayerReport& layer : report.layers) {
    for (const LayerReport& step : layer.steps) add(kinds, step, step.seconds);
    const double rest = std::max(0.0, layer.seconds - sum_of(layer.steps));
    if (rest > 0) add(kinds, layer, rest);
  }
  std::ranges::stable_sort(kinds, std::ranges::greater(), &KindTime::seconds);
  kinds.push_back({"between layers", "", 0, seconds_between_layers(report)});
  return kinds;
}

}  // namespace accel::measure
