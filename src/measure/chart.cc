#include "measure/chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "measure/statistics.h"

namespace accel::measure {
namespace {

constexpr int kWidth = 720;
constexpr int kHeight = 300;  // of one chart
constexpr int kLeft = 24;
constexpr int kTop = 64;
constexpr int kPlotWidth = kWidth - 2 * kLeft;
constexpr int kPlotHeight = 180;
constexpr size_t kBars = 60;

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&') out += "&amp;";
    else if (c == '<') out += "&lt;";
    else if (c == '>') out += "&gt;";
    else if (static_cast<unsigned char>(c) >= 0x20) out += c;
  }
  return out;
}

std::string text_at(double x, double y, std::string_view anchor, std::string_view text) {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\">{}</text>\n", x, y, anchor,
                     escaped(text));
}

std::string chart_of(const LatencyChart& chart, int top) {
  std::string svg = fmt::format("<g transform=\"translate(0 {})\">\n", top);
  svg += text_at(kLeft, 24, "start", chart.title);
  svg += text_at(kLeft, 42, "start", chart.subtitle);
  std::vector<double> sorted = chart.latencies_ms;
  std::ranges::sort(sorted);
  const double from = sorted.empty() ? 0 : sorted.front();
  const double to = std::max(percentile(sorted, 99.5), from + 1e-6);
  std::array<size_t, kBars> counts{};
  for (const double value : sorted) {
    const double place = (value - from) / (to - from) * kBars;
    ++counts.at(std::min(static_cast<size_t>(place), kBars - 1));
  }
  const auto most = static_cast<double>(std::max<size_t>(1, std::ranges::max(counts)));
  const double bar = static_cast<double>(kPlotWidth) / kBars;
  for (size_t i = 0; i < kBars; ++i) {
    const double height = static_cast<double>(counts.at(i)) / most * kPlotHeight;
    if (height <= 0) continue;
    svg += fmt::format(
        "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" fill=\"#4878a8\"/>\n",
        kLeft + static_cast<double>(i) * bar, kTop + kPlotHeight - height, bar - 1, height);
  }
  double label_y = kTop;
  for (const double percent : {50.0, 90.0, 99.0}) {
    const double value = percentile(sorted, percent);
    const double x = kLeft + std::clamp((value - from) / (to - from), 0.0, 1.0) * kPlotWidth;
    const bool right = x > kLeft + kPlotWidth * 0.8;
    svg += fmt::format("<line x1=\"{0:.1f}\" y1=\"{1}\" x2=\"{0:.1f}\" y2=\"{2}\" "
                       "stroke=\"#b04030\"/>\n",
                       x, kTop - 6, kTop + kPlotHeight);
    svg += text_at(right ? x - 4 : x + 4, label_y, right ? "end" : "start",
                   fmt::format("p{:.0f} {:.3g} ms", percent, value));
    label_y += 16;
  }
  const double base = kTop + kPlotHeight + 18;
  svg += text_at(kLeft, base, "start", fmt::format("{:.3g} ms", from));
  svg += text_at(kLeft + kPlotWidth, base, "end", fmt::format("{:.3g} ms and more", to));
  return svg + "</g>\n";
}

}  // namespace

std::string to_svg(const std::vector<LatencyChart>& charts) {
  const int height = kHeight * static_cast<int>(charts.size());
  std::string svg =
      fmt::format("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" "
                  "viewBox=\"0 0 {0} {1}\" font-family=\"sans-serif\" font-size=\"13\">\n"
                  "<rect width=\"{0}\" height=\"{1}\" fill=\"white\"/>\n",
                  kWidth, height);
  int top = 0;
  for (const LatencyChart& chart : charts)
    svg += chart_of(chart, std::exchange(top, top + kHeight));
  return svg + "</svg>\n";
}

}  // namespace accel::measure
