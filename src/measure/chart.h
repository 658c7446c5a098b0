// Latencies as a picture: a histogram with the percentiles marked. Pure.
#pragma once

#include <string>
#include <vector>

namespace accel::measure {

struct LatencyChart {
  std::string title;     // "MiniLM, single-stream"
  std::string subtitle;  // "f32 on CPU, 412 queries"
  std::vector<double> latencies_ms;
};

// An SVG document that needs nothing else: bars of equal width up to the 99.5th percentile, what is
// beyond in the last one. Texts are escaped. With several charts, one below the other.
std::string to_svg(const std::vector<LatencyChart>& charts);

}  // namespace accel::measure
