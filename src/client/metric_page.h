// A page of metrics in Prometheus' text format, as `GET /metrics` has it, read back. Pure, and safe
// on hostile text. https://prometheus.io/docs/instrumenting/exposition_formats/
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "accel/status.h"

namespace accel::client {

using MetricLabels = std::map<std::string, std::string, std::less<>>;

struct MetricSample {
  std::string name;  // "accel_request_seconds_bucket"
  MetricLabels labels;
  double value = 0;
};

class MetricPage {
 public:
  // INVALID_ARGUMENT names the line that is none of the format's.
  static Result<MetricPage> parse(std::string_view text);

  const std::vector<MetricSample>& samples() const { return samples_; }
  // Of all samples of the name that have these labels; 0: there are none.
  double sum(std::string_view name, const MetricLabels& labels = {}) const;
  // The values that a label has in samples of the name, each once, in their order.
  std::vector<std::string> values(std::string_view name, std::string_view label) const;

 private:
  std::vector<MetricSample> samples_;
};

// The value below which that part of what the histogram `name` ("accel_request_seconds") counted
// since `before` lies, between two of its bounds on a straight line. Nothing: it counted nothing.
std::optional<double> quantile(const MetricPage& now, const MetricPage& before,
                               std::string_view name, const MetricLabels& labels, double part);

}  // namespace accel::client
