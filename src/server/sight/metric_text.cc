#include "server/sight/metric_text.h"

#include <fmt/format.h>

#include <cmath>
#include <cstddef>
#include <iterator>

#include "base/utf8.h"

namespace accel::server {
namespace {

// A value that is no UTF-8 would make Prometheus refuse the whole text.
void append_label_value(std::string& out, std::string_view value) {
  std::string repaired;
  if (find_invalid_utf8(value) != std::string_view::npos) {
    repaired = repair_utf8(value).text;
    value = repaired;
  }
  for (const char c : value) {
    switch (c) {
      case '\\': out += "\\\\"; break;
      case '"': out += "\\\""; break;
      case '\n': out += "\\n"; break;
      default: out += c;
    }
  }
}

std::string metric_number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  return fmt::format("{}", value);
}

}  // namespace

void MetricText::begin(const MetricInfo& metric) {
  metric_ = &metric;
  begun_ = false;
}

void MetricText::begin_sample(std::string_view suffix, MetricLabels labels,
                              std::string_view bound) {
  if (!begun_) {
    fmt::format_to(std::back_inserter(text_), "# HELP {} {}.\n# TYPE {} {}\n", metric_->name,
                   metric_->help, metric_->name, to_string(metric_->type));
    begun_ = true;
  }
  text_ += metric_->name;
  text_ += suffix;
  char before = '{';
  const auto append = [&](std::string_view name, std::string_view value) {
    text_ += before;
    text_ += name;
    text_ += "=\"";
    append_label_value(text_, value);
    text_ += '"';
    before = ',';
  };
  for (const auto& [name, value] : labels) append(name, value);
  if (!bound.empty()) append("le", bound);
  if (before == ',') text_ += '}';
  text_ += ' ';
}

void MetricText::end_sample(double value) {
  text_ += metric_number(value);
  text_ += '\n';
}

void MetricText::end_sample(uint64_t value) {
  fmt::format_to(std::back_inserter(text_), "{}\n", value);
}

void MetricText::histogram(MetricLabels labels, const Histogram& histogram) {
  uint64_t count = 0;
  for (size_t i = 0; i < histogram.counts().size(); ++i) {
    count += histogram.counts()[i];
    const bool last = i == histogram.bounds().size();
    begin_sample("_bucket", labels, last ? "+Inf" : metric_number(histogram.bounds()[i]));
    end_sample(count);
  }
  begin_sample("_sum", labels);
  end_sample(histogram.sum());
  begin_sample("_count", labels);
  end_sample(count);
}

}  // namespace accel::server
