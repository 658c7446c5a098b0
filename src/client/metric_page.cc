#include "client/metric_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>

#include "base/try.h"

namespace accel::client {
namespace {

bool is_name_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == ':';
}

std::string_view take_name(std::string_view& line) {
  const auto end = std::ranges::find_if_not(line, is_name_char);
  const auto size = static_cast<size_t>(end - line.begin());
  const std::string_view name = line.substr(0, size);
  line.remove_prefix(size);
  return name;
}

bool take(char c, std::string_view& line) {
  if (line.empty() || line.front() != c) return false;
  line.remove_prefix(1);
  return true;
}

// Between quotes, with \\, \" and \n.
std::optional<std::string> take_quoted(std::string_view& line) {
  if (!take('"', line)) return std::nullopt;
  std::string value;
  while (!line.empty() && line.front() != '"') {
    char c = line.front();
    line.remove_prefix(1);
    if (c == '\\') {
      if (line.empty()) return std::nullopt;
      c = line.front() == 'n' ? '\n' : line.front();
      line.remove_prefix(1);
    }
    value.push_back(c);
  }
  if (!take('"', line)) return std::nullopt;
  return value;
}

bool take_labels(std::string_view& line, MetricLabels& labels) {
  if (!take('{', line)) return true;
  while (!take('}', line)) {
    const std::string_view name = take_name(line);
    if (name.empty() || !take('=', line)) return false;
    std::optional<std::string> value = take_quoted(line);
    if (!value) return false;
    labels[std::string(name)] = std::move(*value);
    if (!take(',', line) && !line.starts_with('}')) return false;
  }
  return true;
}

std::optional<double> number_of(std::string_view text) {
  if (text == "+Inf") return std::numeric_limits<double>::infinity();
  if (text == "-Inf") return -std::numeric_limits<double>::infinity();
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<MetricSample> sample_of(std::string_view line) {
  MetricSample sample{.name = std::string(take_name(line))};
  if (sample.name.empty() || !take_labels(line, sample.labels)) return std::nullopt;
  if (!take(' ', line)) return std::nullopt;
  const std::optional<double> value = number_of(line.substr(0, line.find(' ')));  // then a time
  if (!value) return std::nullopt;
  sample.value = *value;
  return sample;
}

bool has(const MetricSample& sample, const MetricLabels& wanted) {
  return std::ranges::all_of(wanted, [&](const auto& label) {
    const auto found = sample.labels.find(label.first);
    return found != sample.labels.end() && found->second == label.second;
  });
}

// How much was counted up to each bound.
std::map<double, double> buckets_of(const MetricPage& page, const std::string& name,
                                    const MetricLabels& labels) {
  std::map<double, double> buckets;
  for (const MetricSample& sample : page.samples()) {
    if (sample.name != name || !has(sample, labels)) continue;
    const auto bound = sample.labels.find("le");
    const auto value = bound == sample.labels.end() ? std::nullopt : number_of(bound->second);
    if (value) buckets[*value] += sample.value;
  }
  return buckets;
}

}  // namespace

Result<MetricPage> MetricPage::parse(std::string_view text) {
  MetricPage page;
  for (size_t number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.front() == '#') continue;
    std::optional<MetricSample> sample = sample_of(line);
    if (!sample) {
      return invalid_argument(fmt::format("line {}: expected a metric of Prometheus', found '{}'",
                                          number, line.substr(0, 80)));
    }
    page.samples_.push_back(std::move(*sample));
  }
  return page;
}

double MetricPage::sum(std::string_view name, const MetricLabels& labels) const {
  double sum = 0;
  for (const MetricSample& sample : samples_) {
    if (sample.name == name && has(sample, labels)) sum += sample.value;
  }
  return sum;
}

std::vector<std::string> MetricPage::values(std::string_view name, std::string_view label) const {
  std::vector<std::string> values;
  for (const MetricSample& sample : samples_) {
    const auto found = sample.labels.find(label);
    if (sample.name != name || found == sample.labels.end()) continue;
    if (std::ranges::find(values, found->second) == values.end()) values.push_back(found->second);
  }
  return values;
}

std::optional<double> quantile(const MetricPage& now, const MetricPage& before,
                               std::string_view name, const MetricLabels& labels, double part) {
  const std::string buckets_name = std::string(name) + "_bucket";
  std::map<double, double> counted = buckets_of(now, buckets_name, labels);
  for (const auto& [bound, count] : buckets_of(before, buckets_name, labels)) {
    counted[bound] -= count;
  }
  const double all = counted.empty() ? 0 : counted.rbegin()->second;
  if (!(all > 0)) return std::nullopt;
  double low = 0;
  double below = 0;
  for (const auto& [bound, count] : counted) {
    if (count >= part * all) {
      if (bound == std::numeric_limits<double>::infinity()) return low;  // its last bound
      const double within = count - below;
      return low + (within > 0 ? (part * all - below) / within : 1) * (bound - low);
    }
    low = bound;
    below = count;
  }
  return low;
}

}  // namespace accel::client
