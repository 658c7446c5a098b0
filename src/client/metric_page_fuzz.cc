// Random text as a page of metrics: it is refused, or its samples can be asked for.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "client/metric_page.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace accel::client;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto page = MetricPage::parse(text);
  if (!page.ok()) {
    if (page.status().code() != accel::StatusCode::kInvalidArgument) std::abort();
    return 0;
  }
  for (const MetricSample& sample : page->samples()) {
    if (sample.name.empty()) std::abort();
    (void)page->sum(sample.name, sample.labels);
    for (const double part : {0.0, 0.5, 1.0}) {
      (void)quantile(*page, MetricPage(), sample.name.substr(0, sample.name.rfind('_')), {}, part);
    }
  }
  return 0;
}
