#include "server/answer_headers.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace accel::server {
namespace {

constexpr size_t kIdBytesMax = 128;

bool is_id_char(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
         c == '.' || c == '_' || c == ':';
}

std::string timing_of(const RequestRecord& record) {
  const ItemTimes& times = record.longest;
  const double total =
      std::chrono::duration<double, std::milli>(Clock::now() - record.arrived).count();
  if (record.items == 0) return fmt::format("total;dur={:.3f}", total);
  return fmt::format(
      "prepare;dur={:.3f}, queue;dur={:.3f}, infer;dur={:.3f}, finish;dur={:.3f}, total;dur={:.3f}",
      times.prepare, times.queue, times.infer, times.finish, total);
}

// Milliseconds of "100m", "2S": at most eight digits and a unit.
Result<std::optional<double>> grpc_timeout_ms(std::string_view text) {
  constexpr std::string_view kUnits = "HMSmun";
  constexpr std::array kMilliseconds = {3.6e6, 6e4, 1e3, 1.0, 1e-3, 1e-6};
  const size_t unit = text.size() < 2 ? std::string_view::npos : kUnits.find(text.back());
  uint32_t value = 0;
  const char* const end = text.data() + text.size() - 1;
  if (unit == std::string_view::npos || text.size() > 9 ||
      std::from_chars(text.data(), end, value).ptr != end) {
    return invalid_argument(fmt::format(
        "grpc-timeout: expected up to eight digits and one of H, M, S, m, u or n, found '{}'",
        text.substr(0, 40)));
  }
  return std::optional(std::max(value * kMilliseconds.at(unit), 1e-6));
}

}  // namespace

std::string_view request_id_of(const http::Headers& headers) {
  const std::string_view id = http::find(headers, "x-request-id");
  const bool usable = id.size() <= kIdBytesMax && std::ranges::all_of(id, is_id_char);
  return usable ? id : std::string_view();
}

Result<std::optional<double>> timeout_ms_of(const http::Headers& headers) {
  const std::string_view timeout = http::find(headers, "grpc-timeout");
  if (!timeout.empty()) return grpc_timeout_ms(timeout);
  const auto sent = std::ranges::find(headers, "x-request-timeout-ms", &http::Header::name);
  if (sent == headers.end()) return std::optional<double>();
  const std::string_view text = sent->value;
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !(value > 0) ||
      !std::isfinite(value)) {
    return invalid_argument(fmt::format(
        "X-Request-Timeout-Ms: expected a number of milliseconds above 0, found '{}'", text));
  }
  return std::optional(value);
}

void add_answer_headers(const RequestRecord& record, http::Headers& headers) {
  headers.push_back({"x-request-id", record.id});
  headers.push_back({"server-timing", timing_of(record)});
  if (record.report == nullptr) return;
  const RunReport& report = *record.report;
  headers.push_back({"x-accel-backend", report.backend});
  headers.push_back({"x-accel-device", report.device});
  headers.push_back({"x-accel-precision", std::string(to_string(report.precision))});
  if (report.fallback) headers.push_back({"x-accel-fallback", report.fallback_reason});
  if (report.simulated) headers.push_back({"x-accel-simulated", "true"});
}

bool allows_origin(const std::vector<std::string>& allowed, std::string_view origin) {
  return !origin.empty() && std::ranges::any_of(allowed, [&](const std::string& one) {
    return one == "*" || one == origin;
  });
}

}  // namespace accel::server
