// Metrics as Prometheus reads them: its text format, version 0.0.4.
//
//   MetricText text;
//   text.begin(metric("accel_refusals_total"));
//   text.sample({{"reason", "rate"}}, 3);
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "server/sight/histogram.h"
#include "server/sight/metric_list.h"

namespace accel::server {

// Names are valid; values may be any bytes.
using MetricLabels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

// One owner, one thread.
class MetricText {
 public:
  // The samples that follow are of this metric. One without samples is not written.
  void begin(const MetricInfo& metric);
  // Labels differ between the samples of a metric.
  template <class T>
    requires std::is_arithmetic_v<T>
  void sample(MetricLabels labels, T value) {
    begin_sample("", labels);
    if constexpr (std::is_floating_point_v<T>) {
      end_sample(static_cast<double>(value));
    } else {
      end_sample(static_cast<uint64_t>(value));
    }
  }
  void histogram(MetricLabels labels, const Histogram& histogram);

  std::string take() { return std::move(text_); }

 private:
  void begin_sample(std::string_view suffix, MetricLabels labels, std::string_view bound = {});
  void end_sample(double value);
  void end_sample(uint64_t value);

  std::string text_;
  const MetricInfo* metric_ = nullptr;
  bool begun_ = false;  // the metric's head is written
};

}  // namespace accel::server
