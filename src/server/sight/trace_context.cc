#include "server/sight/trace_context.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "store/hash.h"

namespace accel::server {
namespace {

constexpr size_t kTraceIdDigits = 32;
constexpr size_t kSpanIdDigits = 16;
constexpr size_t kTraceParentBytes = 55;  // "00-" trace "-" span "-01"
constexpr size_t kRandomDigits = 14;      // 56 bits

bool is_lower_hex(std::string_view text) {
  return std::ranges::all_of(
      text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool is_trace_word(std::string_view id) {
  return is_lower_hex(id) && id.find_first_not_of('0') != std::string_view::npos;
}

bool is_sampled_by(std::string_view trace_id, double ratio) {
  uint64_t random = 0;
  const std::string_view digits = trace_id.substr(trace_id.size() - kRandomDigits);
  std::from_chars(digits.data(), digits.data() + digits.size(), random, 16);
  return std::ldexp(static_cast<double>(random), -56) >= 1 - ratio;
}

}  // namespace

std::optional<TraceParent> parse_trace_parent(std::string_view text) {
  if (text.size() < kTraceParentBytes || text[2] != '-' || text[35] != '-' || text[52] != '-') {
    return std::nullopt;
  }
  const std::string_view version = text.substr(0, 2);
  if (!is_lower_hex(version) || version == "ff") return std::nullopt;
  if (text.size() > kTraceParentBytes && (version == "00" || text[kTraceParentBytes] != '-')) {
    return std::nullopt;
  }
  const std::string_view trace_id = text.substr(3, kTraceIdDigits);
  const std::string_view span_id = text.substr(36, kSpanIdDigits);
  const std::string_view flags = text.substr(53, 2);
  if (!is_trace_word(trace_id) || !is_trace_word(span_id) || !is_lower_hex(flags)) {
    return std::nullopt;
  }
  int bits = 0;
  std::from_chars(flags.data(), flags.data() + flags.size(), bits, 16);
  return TraceParent{.trace_id = std::string(trace_id),
                     .span_id = std::string(span_id),
                     .sampled = (bits & 1) != 0};
}

TraceIds trace_ids_of(const RequestRecord& record, double ratio) {
  // Clients choose ids of requests, and may choose the same twice.
  const std::string own = store::fingerprint(
      fmt::format("{}\n{}\n{}", record.id, record.peer, record.arrived.time_since_epoch().count()));
  if (std::optional<TraceParent> parent = parse_trace_parent(record.trace_parent)) {
    return {.trace_id = std::move(parent->trace_id),
            .span_id = own.substr(0, kSpanIdDigits),
            .parent_id = std::move(parent->span_id),
            .sampled = parent->sampled};
  }
  return {.trace_id = own,
          .span_id = store::fingerprint(own).substr(0, kSpanIdDigits),
          .parent_id = {},
          .sampled = is_sampled_by(own, ratio)};
}

std::string child_span_id(const TraceIds& ids, std::string_view name) {
  return store::fingerprint(fmt::format("{}\n{}", ids.span_id, name)).substr(0, kSpanIdDigits);
}

}  // namespace accel::server
